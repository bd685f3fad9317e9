"""Cells as text: what rows are called, and labels that an entry declares."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fusebench.datasets.base import Target
from fusebench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fusebench.spec.model import DatasetSpec


def as_text(column: pd.Series[Any]) -> list[str]:
    """Return the cells of a column as text: whole numbers without a decimal point, no spaces around."""
    if pd.api.types.is_float_dtype(column.dtype):
        return [str(int(one)) if float(one).is_integer() else str(one) for one in column]
    return [str(one).strip() for one in column]


def unique_ids(column: pd.Series[Any], name: str) -> NDArray[np.str_]:
    """Return what the rows are called, shape (n_samples,).

    Raises
    ------
    DataError
        If two rows have the same id.
    """
    ids = as_text(column)
    refuse_repeats(ids, f"{name}: id: column {str(column.name)!r}")
    return np.array(ids, dtype=np.str_)


def refuse_repeats(ids: Sequence[str], where: str) -> None:
    """Raise a DataError that names the ids which several rows share."""
    index = pd.Index(ids)
    twice = index[index.duplicated()].unique()
    if len(twice):
        shown = ", ".join(repr(one[:40]) for one in twice[:3])
        rows = [at + 1 for at in np.flatnonzero(index == twice[0])[:2]]
        more = f" and {len(twice) - 3} more" if len(twice) > 3 else ""
        raise DataError(
            f"{where} repeats {shown}{more} (data rows {rows[0]} and {rows[1]}); every row needs an id of its own"
        )


def declared_target(column: pd.Series[Any], label: str, spec: DatasetSpec, *, several: bool) -> Target:
    """Return a target whose `classes` the entry declares, also those that no row has.

    Raises
    ------
    DataError
        If a row has a label that is not declared, or all have the same.
    """
    name = spec.name
    if several:
        raise DataError(f"{name}: classes: can be declared for a dataset with one target only")
    whole = all(isinstance(one, int) for one in spec.classes)
    classes = np.unique(np.array(spec.classes if whole else [str(one) for one in spec.classes]))
    if len(classes) < max(2, len(spec.classes)):
        raise DataError(f"{name}: classes: got {len(classes)} different labels, expected at least 2, each once")
    missing = np.asarray(column.isna())
    labels = as_text(column[~missing])
    codes = pd.Index([str(one) for one in classes]).get_indexer(pd.Index(labels))
    if (codes < 0).any():
        odd = labels[int(np.flatnonzero(codes < 0)[0])]
        near = get_close_matches(odd, [str(one) for one in classes], n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"{name}: target: column {label!r} holds {odd[:40]!r}, which is none of the `classes`{meant}")
    if len(np.unique(codes)) < 2:
        raise DataError(f"{name}: target: column {label!r} has one class only ({str(classes[codes[0]])[:40]!r})")
    y = np.full(len(column), -1, dtype=np.intp)
    y[~missing] = codes
    kind = "multiclass" if len(classes) > 2 else "binary"
    return Target(label, y, kind, classes, missing if missing.any() else None)
