"""What a reader of results should know about a dataset, and what looks like a mistake in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fusebench.datasets.base import Target

SPECIAL_NAMES = frozenset('[]<>{}":')
ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|index|rownames?|unnamed: 0)($|[_\W])|(?<=[a-z])(Id|ID)$", re.IGNORECASE)
FEWEST_ROWS = 20  # below which chance alone makes ids and leaks
N_SAMPLE = 1000
SHOWN = 3


def feature_notes(X: pd.DataFrame, targets: tuple[Target, ...], text: tuple[str, ...]) -> list[str]:
    """Return what stands out: missing cells, odd names, constants, ids, duplicate rows, and leaks of a target.

    Notes
    -----
    O(n_samples * n_features). Leaks are looked for in 1,000 rows first, and only a column that would be one there is
    sorted whole.
    """
    missing = X.isna().sum()
    found = []
    if cells := int(missing.sum()):
        found.append(f"{cells} feature cells are missing in {int((missing > 0).sum())} columns")
    odd = [label for label in X.columns if SPECIAL_NAMES & set(label) or not label.isprintable()]
    if odd:
        found.append(f"{len(odd)} column names hold special characters; learners see numbered columns")
    found += _named([label for label in X.columns if _is_constant(X[label])], "is constant", "are constant")
    ids = [label for label in X.columns if label not in text and _is_id(X[label])]
    found += _named(
        ids,
        "looks like an id: every row has another value; drop it if it is one",
        "look like ids, every row has another value; drop those that are",
    )
    na = [label for label in X.columns if _holds_na(X[label])]
    found += _named(
        na,
        "holds the text 'NA', which is kept as a category; see na_values",
        "hold the text 'NA', which is kept as a category; see na_values",
    )
    if duplicates := n_duplicates(X):
        found.append(
            f"{duplicates} rows repeat another row's features and may stand on both sides of a split; see dedupe"
        )
    for target in targets:
        leaks = [label for label in X.columns if label not in text and label not in ids and _leaks(X[label], target)]
        found += _named(
            leaks,
            f"alone predicts the target {target.name!r} without a mistake: a leak, unless it is known beforehand",
            f"alone predict the target {target.name!r} without a mistake: leaks, unless they are known beforehand",
        )
    return found


def _named(labels: list[str], one: str, many: str) -> list[str]:
    if not labels:
        return []
    if len(labels) == 1:
        return [f"column {_clean(labels[0])} {one}"]
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    return [f"{len(labels)} columns {many}: {', '.join(map(_clean, labels[:SHOWN]))}{more}"]


def _clean(label: str) -> str:
    return repr(label if len(label) <= 60 else label[:57] + "...")


def _plain(column: pd.Series[Any]) -> NDArray[Any]:
    """Return a column as numbers: codes of categories, -1 where missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.cat.codes)
    if column.dtype.kind == "M":
        return column.to_numpy().view("i8")
    if column.dtype.kind in "iufb":
        return column.to_numpy()
    return np.asarray(pd.factorize(column)[0])


def _is_constant(column: pd.Series[Any]) -> bool:
    if column.dtype == object:
        first = column.iloc[0]
        return all(value == first for value in column)
    values = _plain(column)
    if values.dtype.kind == "f" and np.isnan(values[0]):
        return bool(np.isnan(values).all())
    return bool((values == values[0]).all())


def _is_id(column: pd.Series[Any]) -> bool:
    """Return whether every row has another value, and the values or the name say that they only count or name rows."""
    n = len(column)
    if n <= FEWEST_ROWS or column.isna().any():
        return False
    if isinstance(column.dtype, pd.CategoricalDtype):
        return len(column.cat.categories) == n
    if column.dtype.kind != "i":
        return False
    values = column.to_numpy()
    counts = int(values.max()) - int(values.min()) == n - 1
    if not counts and not ID_NAME.search(str(column.name)):
        return False
    return len(np.unique(values)) == n


def _holds_na(column: pd.Series[Any]) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype) and "NA" in column.cat.categories


def n_duplicates(X: pd.DataFrame) -> int:
    """Return how many rows repeat an earlier one: rows of one hash are compared, the others differ."""
    hashed = np.zeros(len(X), dtype=np.uint64)
    for n, label in enumerate(X.columns):
        values = _plain(X[label])
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), np.nan, values + 0.0)  # one NaN, one zero
        hashed = _mixed(hashed ^ pd.util.hash_array(np.ascontiguousarray(values)), n)
    suspects = pd.Series(hashed).duplicated(keep=False).to_numpy()
    return int(X[suspects].duplicated().sum()) if suspects.any() else 0


def _mixed(hashed: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """Return hashes that remember the order of columns."""
    return (hashed ^ np.uint64(n + 1)) * np.uint64(0x9E3779B97F4A7C15)


def _leaks(column: pd.Series[Any], target: Target) -> bool:
    """Return whether a column alone gives a target away."""
    values, y = _plain(column), target.y
    if target.missing is not None:
        values, y = values[~target.missing], y[~target.missing]
    step = max(1, len(y) // N_SAMPLE)
    if step > 1 and not _gives_away(values[::step], y[::step], target, column):
        return False
    return len(y) > FEWEST_ROWS and _gives_away(values, y, target, column)


def _gives_away(values: NDArray[Any], y: NDArray[Any], target: Target, column: pd.Series[Any]) -> bool:
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -np.inf, values)
    order = np.argsort(values, kind="stable")
    values, y = values[order], y[order]
    new = np.flatnonzero(np.append(True, values[1:] != values[:-1]))  # where a run of one value begins
    if len(new) < 2:
        return False
    if not _one_each(y, new):
        return False
    if target.classes is None:
        return _is_monotone(y[new]) and len(new) > FEWEST_ROWS
    runs = y[new]
    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == bool:
        return len(new) <= len(y) / 2
    return int((runs[1:] != runs[:-1]).sum()) == len(np.unique(y)) - 1


def _one_each(y: NDArray[Any], new: NDArray[np.intp]) -> bool:
    """Return whether every run holds one value of the target only."""
    return bool((np.maximum.reduceat(y, new) == np.minimum.reduceat(y, new)).all())


def _is_monotone(y: NDArray[Any]) -> bool:
    steps = np.diff(y)
    return bool((steps > 0).all() or (steps < 0).all())
