"""What a worker spares scikit-learn: questions with one answer that it asks anew at every fit. No number can change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import numpy as np

from fusebench.engine.execute import _quick_fits

_TAKEN: list[tuple[Any, str, Any, Any]] = []
"""What was put where: owner, name, what stood there, the shortcut."""


@contextmanager
def without_shortcuts() -> Iterator[None]:
    """Have this process ask as any other does: what is measured here is told to people whose processes do."""
    for owner, name, whole, _ in _TAKEN:
        setattr(owner, name, whole)
    try:
        yield
    finally:
        for owner, name, _, short in _TAKEN:
            setattr(owner, name, short)


def _take(owner: Any, name: str, short: Any) -> None:
    _TAKEN.append((owner, name, vars(owner)[name], short))
    setattr(owner, name, short)


def take_shortcuts() -> None:
    """Make this process answer those questions at once; for a process that only runs items."""
    _remember_signatures()
    _remember_how_to_call_unique()
    _know_arrays()
    for owner, name, short in _quick_fits.shortcuts():
        _take(owner, name, short)


def _remember_signatures() -> None:
    """Make scikit-learn look at the constructor of a class once instead of at every clone.

    Reading the signature anew for each of a forest's trees is a sixth of its fit on small data. In a worker nobody
    changes a class while it runs, so the answer cannot change, and neither can any number.
    """
    from sklearn.base import BaseEstimator

    look = getattr(BaseEstimator._get_param_names, "__func__", None)
    if look is None:
        return
    seen: dict[type, list[str]] = {}

    def parameter_names(cls: type) -> list[str]:
        if cls not in seen:
            seen[cls] = look(cls)
        return list(seen[cls])

    _take(BaseEstimator, "_get_param_names", classmethod(parameter_names))


def _remember_how_to_call_unique() -> None:
    """Make scikit-learn look once at what NumPy's ``unique`` takes, instead of at every check of a target."""
    with suppress(ImportError):  # older releases do not ask
        from sklearn.externals.array_api_compat.common import _aliases

        if look := vars(_aliases).get("_unique_kwargs"):
            known = cache(look)
            _take(_aliases, "_unique_kwargs", lambda xp: dict(known(xp)))


def _know_arrays() -> None:
    """Make narwhals see at once that a NumPy array is no data frame.

    It looks for the attributes of each kind of frame that it knows of, and scikit-learn asks it several times a call: a
    third of what `GaussianNB` takes to fit small data.
    """
    with suppress(ImportError):  # older releases of scikit-learn do not ask it
        from narwhals.stable.v2 import dependencies

        for name in ("is_into_dataframe", "is_into_series"):
            _take(dependencies, name, _false_for_arrays(getattr(dependencies, name)))


def _false_for_arrays(ask: Any) -> Any:
    def answer(native: Any) -> Any:
        return False if type(native) is np.ndarray else ask(native)

    return answer
