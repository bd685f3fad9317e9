"""Encoders: one a file, from the columns of a data frame to what a learner sees.

All of them are fitted on exactly the rows that their learner is fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fusebench.encoders._columns import Columns
from fusebench.encoders.base import REGISTRY, Encoder
from fusebench.errors import FitError, Problem

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "REGISTRY",
    "Columns",
    "Encoder",
    "as_pipeline",
    "check",
    "code_digest",
    "make",
    "needs_text",
    "takes_numbers_at_once",
]

AUTO = "auto"


def check(encode: str | Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the value of ``encode``, each problem's path relative to it."""
    name, params = _split(encode)
    if name == AUTO and not params:
        return []
    at = () if isinstance(encode, str) else ("type",)
    if not isinstance(name, str):
        return [Problem(message="an encoder needs a type", path=(), hint="encode: {type: NAME, ...}")]
    if REGISTRY.canonical(name) is None:
        return [Problem(message=f"unknown encoder '{name}'", path=at, hint=REGISTRY.suggest(name))]
    kind: type[Encoder] = REGISTRY.load(name)
    if kind.package and not _version(kind.package):
        message = f"encoder '{name}' needs an extra: pip install 'fusebench[{kind.extra}]'"
        return [Problem(message=message, path=at)]
    return _check_params(name, params) if params else []


def make(encode: str | Mapping[str, Any], *, random_state: int = 0, text: Sequence[str] = ()) -> Encoder:
    """Return an unfitted encoder.

    Parameters
    ----------
    encode : str or mapping
        A name, or ``{type: name, ...parameters}``.
    random_state : int, default=0
        The spec's seed.
    text : sequence of str, default=()
        The columns that hold text.

    Raises
    ------
    FitError
        If there is no such encoder or it takes no such parameter.
    """
    name, params = _split(encode)
    problems = check(encode)
    if problems or name == AUTO:
        raise FitError(problems[0].message if problems else "encode: auto must be resolved by the learner")
    encoder: Encoder = REGISTRY.load(name)(random_state=random_state, text=tuple(text), **_checked(name, params))
    return encoder


def needs_text(encode: str | Mapping[str, Any]) -> bool:
    """Return whether an encoder has nothing to encode where every column is a number."""
    name, _ = _split(encode)
    return name != AUTO and bool(REGISTRY.load(name).needs_text)  # type: ignore[attr-defined]  # a class of Encoder


def takes_numbers_at_once(encode: str | Mapping[str, Any]) -> bool:
    """Return whether an encoder encodes a table of nothing but numbers as one matrix; see `Encoder.on_numbers`."""
    kind: type[Encoder] = REGISTRY.load(_split(encode)[0])
    return kind().on_numbers(Columns((), (), (), (), (), plain=True)) is not None


def as_pipeline(
    encode: str | Mapping[str, Any], estimator: Any, X: pd.DataFrame, *, target_type: str = "binary", **options: Any
) -> Any:
    """Return a scikit-learn pipeline of an encoder and an estimator, both unfitted.

    Parameters
    ----------
    encode : str or mapping
        As in a spec, ``auto`` resolved.
    estimator : estimator
        From ``learners.build``.
    X : DataFrame
        Any rows of the dataset; only the types of its columns are used.
    target_type : {"binary", "multiclass", "continuous"}
        What is predicted.
    **options
        `random_state` and `text`, see `make`.
    """
    from sklearn.pipeline import make_pipeline

    return make_pipeline(make(encode, **options).as_transformer(X, target_type=target_type), estimator)


def code_digest(encode: str | Mapping[str, Any]) -> str:
    """Return a digest of the code that an encoder runs; of all of them for ``auto``."""
    name, _ = _split(encode)
    if name == AUTO:
        return "".join(REGISTRY.code_digest(one)[:16] for one in REGISTRY.names())
    kind: type[Encoder] = REGISTRY.load(name)
    package = kind.package
    return REGISTRY.code_digest(name) + (f" {_version(package)}" if package else "")


def _version(package: str) -> str:
    """Return the installed version of a distribution, empty when there is none."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _split(encode: str | Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    if isinstance(encode, str):
        return encode, {}
    return encode.get("type"), {key: value for key, value in encode.items() if key != "type"}


def _check_params(name: str, params: dict[str, Any]) -> list[Problem]:
    from pydantic import ValidationError

    try:
        _checked(name, params)
    except ValidationError as error:
        return [
            Problem(message=f"{name}: {one['msg']}", path=tuple(one["loc"]), on_key=one["type"] == "extra_forbidden")
            for one in error.errors()
        ]
    return []


def _checked(name: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with the types that the encoder's fields declare."""
    if not params:
        return {}
    from fusebench.encoders._parameters import validated

    return validated(REGISTRY.load(name), params)
