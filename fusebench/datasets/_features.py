"""Columns as features: numbers, dates, categories or text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fusebench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONG_TEXT = 40  # mean characters above which strings that hardly repeat are text
DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T].*)?")


def read_features(
    X: pd.DataFrame, text: frozenset[str], categorical: frozenset[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return columns of the kinds that encoders know, and which of them are text.

    Parameters
    ----------
    X : DataFrame
    text, categorical : frozenset of str
        Columns that are declared to be one.
    """
    columns: dict[str, pd.Series[Any]] = {}
    found: list[str] = []
    for label in X.columns:
        columns[label], is_text = _feature(X[label], label in text, label in categorical)
        if is_text:
            found.append(label)
    # Column by column: laying them side by side would take the table's size once more.
    return pd.DataFrame(columns, index=X.index, copy=False), tuple(found)


def without_infinite(X: pd.DataFrame, name: str, rule: str, notes: list[str]) -> pd.DataFrame:
    """Return a frame without infinite values: an error, or missing where the rule is ``nan``."""
    replaced: dict[str, pd.Series[Any]] = {}
    for label in X.columns:
        column = X[label]
        if column.dtype != "float64":
            continue
        infinite = int(np.isinf(column.to_numpy()).sum())
        if infinite and rule == "error":
            raise DataError(
                f"{name}: column {label!r} has {infinite} infinite values; say `inf: nan` to treat them as missing"
            )
        if infinite:
            replaced[label] = column.replace([np.inf, -np.inf], np.nan)
            notes.append(f"column {label!r}: {infinite} infinite values are treated as missing")
    return X.assign(**replaced) if replaced else X


def _feature(column: pd.Series[Any], is_text: bool, is_categorical: bool) -> tuple[pd.Series[Any], bool]:
    if is_text:
        return _as_text(column), True
    if is_categorical or isinstance(column.dtype, pd.CategoricalDtype):
        return _as_category(column, *_distinct(column)), False
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.astype("float64" if column.isna().any() else bool), False
    if pd.api.types.is_integer_dtype(column.dtype) and not column.isna().any():
        return column.astype("int64"), False
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype("float64"), False
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column.dt.tz_localize(None).astype("datetime64[ns]"), False
    return _strings(column)


def _distinct(column: pd.Series[Any]) -> tuple[NDArray[np.intp], list[Any]]:
    """Return a number per row (-1 where missing) and the value of each number."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.cat.codes, dtype=np.intp), list(column.cat.categories)
    codes, values = pd.factorize(column)
    return np.asarray(codes, dtype=np.intp), list(values)


def _strings(column: pd.Series[Any]) -> tuple[pd.Series[Any], bool]:
    codes, values = _distinct(column)
    complete = bool((codes >= 0).all())
    if complete and values and all(value in (True, False) for value in values):
        return column.astype(bool), False
    texts = [str(value) for value in values]
    if texts and all(DATE.fullmatch(one) for one in texts):
        parsed = pd.to_datetime(pd.Series(texts), format="ISO8601", errors="coerce", utc=True)
        if parsed.notna().all():
            days = parsed.dt.tz_localize(None).astype("datetime64[ns]").to_numpy()
            filled = np.append(days, np.datetime64("NaT"))[codes]
            return pd.Series(filled, index=column.index, name=column.name), False
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    n_present = int(counts.sum())
    if n_present and len(set(texts)) > n_present / 2:
        mean_length = float(counts @ np.array([len(one) for one in texts])) / n_present
        if mean_length > LONG_TEXT:
            return _as_text(column), True
    return _as_category(column, codes, values), False


def _as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return text as Python strings, empty where missing."""
    return column.astype(object).where(column.notna(), "").astype(str).astype(object)


def _as_category(column: pd.Series[Any], codes: NDArray[np.intp], values: list[Any]) -> pd.Series[Any]:
    """Return categories that are text, sorted, and only those that some row holds."""
    held = np.bincount(codes[codes >= 0], minlength=len(values)) > 0
    texts = [str(value) for value in values]
    categories = sorted({text for text, is_held in zip(texts, held, strict=True) if is_held})
    place = {text: n for n, text in enumerate(categories)}
    table = np.array([*(place.get(text, -1) for text in texts), -1], dtype=np.intp)
    found = pd.Categorical.from_codes(table[codes], categories=pd.Index(categories))
    return pd.Series(found, index=column.index, name=column.name)
