"""A column as something to predict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fusebench.datasets._labels import declared_target
from fusebench.datasets.base import Target
from fusebench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fusebench.spec.model import DatasetSpec

MAX_CLASSES_OF_INTEGERS = 20
LARGEST_EXACT = 2**53  # above it, different whole numbers may be one number


def read_target(column: pd.Series[Any], label: str, spec: DatasetSpec, several: bool, notes: list[str]) -> Target:
    """Return a column as classes or values.

    Parameters
    ----------
    several : bool
        Whether it is one of several targets, which may have missing values.

    Raises
    ------
    DataError
        If it cannot be predicted as the entry says.
    """
    name = spec.name
    missing = np.asarray(column.isna())
    if missing.any() and not several:
        raise DataError(
            f"{name}: target: column {label!r} has {int(missing.sum())} missing values; "
            "remove those rows or fill them in"
        )
    declared = spec.target_type.get(label) if isinstance(spec.target_type, Mapping) else spec.target_type
    numeric = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    if spec.classes:
        return declared_target(column, label, spec, several=several)
    if not numeric:
        _one_type(column.dropna(), label, name)
    elif infinite := int(np.isinf(np.asarray(column, dtype=np.float64)).sum()):
        raise DataError(f"{name}: target: column {label!r} has {infinite} infinite values")
    kind = declared or _inferred(column.dropna(), numeric, label, notes)
    if kind == "continuous":
        return _continuous(column, missing, label, name, numeric)
    return _classes(column, missing, label, name, kind, numeric, notes)


def _one_type(values: pd.Series[Any], label: str, name: str) -> None:
    kinds = {type(one).__name__ for one in values.astype(object)}
    if len(kinds) > 1:
        raise DataError(f"{name}: target: column {label!r} mixes {' and '.join(sorted(kinds))}; give it one type")
    as_text = values.astype(str)
    numbers = pd.to_numeric(as_text, errors="coerce").notna()
    if numbers.any() and not numbers.all() and numbers.mean() > 0.5 and as_text.nunique() > MAX_CLASSES_OF_INTEGERS:
        odd = as_text[~numbers].iloc[0]
        raise DataError(
            f"{name}: target: column {label!r} mixes numbers and text, such as {odd[:40]!r}; "
            "name it in na_values or clean it"
        )


def _inferred(values: pd.Series[Any], numeric: bool, label: str, notes: list[str]) -> str:
    if not numeric:
        return "classes"
    whole = bool((values == values.round()).all())
    if whole and values.nunique() <= MAX_CLASSES_OF_INTEGERS and values.nunique() < max(3, len(values) // 2):
        notes.append(
            f"target {label!r} holds {values.nunique()} whole numbers and is read as classes; "
            "say `target_type: continuous` if they are amounts"
        )
        return "classes"
    return "continuous"


def _continuous(column: pd.Series[Any], missing: NDArray[Any], label: str, name: str, numeric: bool) -> Target:
    if not numeric:
        raise DataError(f"{name}: target: column {label!r} holds text, a continuous target needs numbers")
    values = np.asarray(column, dtype=np.float64)
    present = values[~missing]
    if len(np.unique(present)) < 2:
        raise DataError(f"{name}: target: column {label!r} has one value only, there is nothing to predict")
    return Target(label, values, "continuous", None, missing if missing.any() else None)


def _classes(
    column: pd.Series[Any],
    missing: NDArray[Any],
    label: str,
    name: str,
    kind: str,
    numeric: bool,
    notes: list[str],
) -> Target:
    present = column[~missing]
    if numeric:
        whole = bool((present == present.round()).all())
        if not whole and present.nunique() > MAX_CLASSES_OF_INTEGERS:
            raise DataError(
                f"{name}: target: column {label!r} is continuous ({present.nunique()} different values), "
                f"but target_type says '{kind}'"
            )
        exact = whole and bool((present.abs() < LARGEST_EXACT).all())
        labels = np.asarray(present.astype("int64") if exact else present)
    else:
        labels = np.asarray(present.astype(str), dtype=object).astype(str)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"{name}: target: column {label!r} has one class only ({str(classes[0])[:40]!r})")
    if kind == "binary" and len(classes) > 2:
        raise DataError(f"{name}: target: column {label!r} has {len(classes)} classes, but target_type says 'binary'")
    if numeric and labels.dtype.kind == "i" and list(classes) != list(range(classes[0], classes[0] + len(classes))):
        notes.append(f"the labels of target {label!r} have gaps")
    y = np.full(len(column), -1, dtype=np.intp)
    y[~missing] = codes
    found = "multiclass" if len(classes) > 2 or (kind == "multiclass" and len(classes) > 2) else "binary"
    return Target(label, y, found, classes, missing if missing.any() else None)
