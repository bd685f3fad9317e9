"""From a raw table to a dataset: targets, kinds of columns, checks and notes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fusebench.datasets.base import Dataset, Target
from fusebench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fusebench.spec.model import DatasetSpec

MAX_CLASSES_OF_INTEGERS = 20
LONG_TEXT = 40  # mean characters above which strings that hardly repeat are text
STEPS = {
    *("drop", "dedupe", "na_values", "inf", "target", "group", "time", "fold", "weights", "text", "categorical"),
}
SPECIAL_NAMES = frozenset('[]<>{}":')


def assemble(spec: DatasetSpec, frame: pd.DataFrame, targets: tuple[str, ...]) -> Dataset:
    """Return the dataset of a raw table.

    Parameters
    ----------
    spec : DatasetSpec
        Its entry.
    frame : DataFrame
        The raw table.
    targets : tuple of str
        The target columns.

    Raises
    ------
    DataError
        If the table cannot be used as the entry says.
    """
    name = spec.name
    frame = frame.rename(columns=str)
    _no_duplicate_columns(frame, name)
    targets = tuple(_column(frame, one, name, "target") for one in targets)
    notes: list[str] = []
    frame = _without(frame, spec, notes)
    dropped = [_column(frame, one, name, "drop") for one in spec.drop]
    frame = frame.drop(columns=dropped)
    if spec.dedupe:
        before = len(frame)
        frame = frame.drop_duplicates()
        if len(frame) < before:
            notes.append(f"{before - len(frame)} duplicate rows were removed")
    frame = frame.reset_index(drop=True)
    roles = {role: _role(frame, getattr(spec, role), name, role) for role in ("group", "time", "fold", "weights")}
    if roles["time"] is not None:
        order = np.argsort(_time_values(roles["time"], name), kind="stable")
        frame = frame.iloc[order].reset_index(drop=True)
        roles = {role: None if one is None else one.iloc[order].reset_index(drop=True) for role, one in roles.items()}
    special = [getattr(spec, role) for role in roles if getattr(spec, role) is not None]
    X = frame.drop(columns=[*targets, *special])
    if not X.shape[1]:
        raise DataError(f"{name}: no feature columns are left beside the target")
    X, text = _features(X, spec, notes)
    found = tuple(_target(frame[one], one, spec, len(targets) > 1, notes) for one in targets)
    _describe_features(X, notes)
    groups = None if roles["group"] is None else pd.factorize(roles["group"].astype(str))[0]
    folds = None if roles["fold"] is None else pd.factorize(roles["fold"], sort=True)[0]
    weights = None if roles["weights"] is None else _weights(roles["weights"], name)
    fingerprint = _fingerprint(X, found, groups, folds, weights)
    steps = spec.model_dump(mode="json", include=STEPS | ({"exclude"} if spec.exclude else set()))
    preprocessing = hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()[:16]
    return Dataset(name, X, found, fingerprint, preprocessing, groups, None, folds, weights, text, tuple(notes))


def _without(frame: pd.DataFrame, spec: DatasetSpec, notes: list[str]) -> pd.DataFrame:
    """Return the rows that hold none of the values to exclude."""
    for wanted, values in spec.exclude.items():
        column = frame[_column(frame, wanted, spec.name, "exclude")]
        named = {str(one) for one in values if one is not None}
        gone = column.astype(str).isin(named) & column.notna()
        if None in values:
            gone |= column.isna()
        if not gone.any():
            listed = ", ".join("nothing" if one is None else repr(one) for one in values)
            raise DataError(f"{spec.name}: exclude: no row of column {wanted!r} holds {listed}")
        notes.append(f"{int(gone.sum())} rows were left out by their {wanted!r}")
        frame = frame[~gone]
    if frame.empty:
        raise DataError(f"{spec.name}: exclude: no rows are left")
    return frame


def _no_duplicate_columns(frame: pd.DataFrame, name: str) -> None:
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise DataError(f"{name}: two columns are called {twice[0]!r}; rename one")


def _column(frame: pd.DataFrame, wanted: str | int, name: str, role: str) -> str:
    columns = list(frame.columns)
    if isinstance(wanted, int) and str(wanted) not in columns:
        if not -len(columns) <= wanted < len(columns):
            raise DataError(f"{name}: {role}: there is no column {wanted}, the table has {len(columns)}")
        return str(columns[wanted])
    if str(wanted) in columns:
        return str(wanted)
    lowered = {column.lower(): column for column in columns}
    near = get_close_matches(str(wanted).lower(), lowered, n=1)
    meant = f"did you mean {lowered[near[0]]!r}? " if near else ""
    listed = ", ".join(map(repr, columns[:20])) + (", ..." if len(columns) > 20 else "")
    raise DataError(f"{name}: {role}: there is no column {str(wanted)!r}; {meant}The columns are {listed}")


def _role(frame: pd.DataFrame, wanted: str | None, name: str, role: str) -> pd.Series[Any] | None:
    if wanted is None:
        return None
    column = frame[_column(frame, wanted, name, role)]
    if column.isna().any():
        raise DataError(f"{name}: {role}: column {wanted!r} has {int(column.isna().sum())} missing values")
    return column


def _time_values(column: pd.Series[Any] | None, name: str) -> NDArray[Any]:
    if column is None:
        raise DataError(f"{name}: no time column")
    if column.dtype.kind in "iufM":
        return np.asarray(column)
    try:
        return np.asarray(pd.to_datetime(column.astype(str), format="ISO8601"))
    except ValueError as error:
        raise DataError(f"{name}: time: column {column.name!r} holds neither numbers nor ISO dates") from error


def _weights(column: pd.Series[Any], name: str) -> NDArray[np.float64]:
    values = np.asarray(pd.to_numeric(column, errors="coerce"), dtype=np.float64)
    if not np.isfinite(values).all() or values.min() < 0 or values.sum() == 0:
        raise DataError(f"{name}: weights: column {column.name!r} must hold numbers of at least 0, not all 0")
    return values


def _features(X: pd.DataFrame, spec: DatasetSpec, notes: list[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    columns: dict[str, pd.Series[Any]] = {}
    text: list[str] = []
    declared_text = {_column(X, one, spec.name, "text") for one in spec.text}
    declared_categorical = {_column(X, one, spec.name, "categorical") for one in spec.categorical}
    for label in X.columns:
        column, is_text = feature(X[label], label in declared_text, label in declared_categorical)
        columns[label] = column
        if is_text:
            text.append(label)
        elif column.dtype == "float64":
            infinite = int(np.isinf(column.to_numpy()).sum())
            if infinite and spec.inf == "error":
                raise DataError(
                    f"{spec.name}: column {label!r} has {infinite} infinite values; "
                    "say `inf: nan` to treat them as missing"
                )
            if infinite:
                columns[label] = column.replace([np.inf, -np.inf], np.nan)
                notes.append(f"column {label!r}: {infinite} infinite values are treated as missing")
    return pd.DataFrame(columns), tuple(text)


def feature(column: pd.Series[Any], is_text: bool, is_categorical: bool) -> tuple[pd.Series[Any], bool]:
    """Return a column as the kind of feature that it is, and whether it is text."""
    if is_categorical:
        return _as_category(column), False
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _as_category(column), False
    if pd.api.types.is_bool_dtype(column.dtype) and not column.isna().any():
        return column.astype(bool), False
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.astype("float64"), False
    if pd.api.types.is_integer_dtype(column.dtype) and not column.isna().any():
        return column.astype("int64"), False
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype("float64"), False
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column.dt.tz_localize(None).astype("datetime64[ns]"), False
    if is_text:
        return column.astype(object).where(column.notna(), "").astype(str).astype(object), True
    return _strings(column)


def _strings(column: pd.Series[Any]) -> tuple[pd.Series[Any], bool]:
    present = column.dropna()
    if present.isin([True, False]).all() and len(present) and not column.isna().any():
        return column.astype(bool), False
    as_text = present.astype(str)
    if len(as_text) and as_text.str.fullmatch(r"\d{4}-\d{2}-\d{2}([ T].*)?").all():
        parsed = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
        if parsed.notna().sum() == len(present):
            return parsed.dt.tz_localize(None).astype("datetime64[ns]"), False
    if len(as_text) and as_text.str.len().mean() > LONG_TEXT and as_text.nunique() > len(as_text) / 2:
        return column.astype(object).where(column.notna(), "").astype(str).astype(object), True
    return _as_category(column), False


def _as_category(column: pd.Series[Any]) -> pd.Series[Any]:
    values = column.astype(object)
    present = values[values.notna()].astype(str)
    categories = sorted(present.unique())
    return pd.Series(
        pd.Categorical(values.where(values.isna(), values.astype(str)), categories=categories), name=column.name
    )


def _target(column: pd.Series[Any], label: str, spec: DatasetSpec, several: bool, notes: list[str]) -> Target:
    name = spec.name
    missing = np.asarray(column.isna())
    if missing.any() and not several:
        raise DataError(
            f"{name}: target: column {label!r} has {int(missing.sum())} missing values; "
            "remove those rows or fill them in"
        )
    declared = spec.target_type.get(label) if isinstance(spec.target_type, Mapping) else spec.target_type
    numeric = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    if not numeric:
        _one_type(column.dropna(), label, name)
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
    if np.isinf(values).any():
        raise DataError(f"{name}: target: column {label!r} has {int(np.isinf(values).sum())} infinite values")
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
        labels = np.asarray(present.astype("int64") if whole else present)
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


def _describe_features(X: pd.DataFrame, notes: list[str]) -> None:
    cells = int(X.isna().to_numpy().sum())
    if cells:
        notes.append(f"{cells} feature cells are missing in {int(X.isna().any().sum())} columns")
    odd = [label for label in X.columns if SPECIAL_NAMES & set(label) or not label.isprintable()]
    if odd:
        notes.append(f"{len(odd)} column names hold special characters; learners see numbered columns")
    constant = []
    for label in X.columns:
        column = X[label]
        unique = column.nunique(dropna=False)
        if unique == 1:
            constant.append(label)
        elif unique == len(X) and len(X) > 20 and column.dtype.kind == "i" and _consecutive(column):
            notes.append(f"column {_clean(label)} looks like an id: every row has another value; drop it if it is one")
        elif isinstance(column.dtype, pd.CategoricalDtype) and "NA" in column.cat.categories:
            notes.append(f"column {_clean(label)} holds the text 'NA', which is kept as a category; see na_values")
    if constant:
        notes.append(_named("column", constant, "is constant", "are constant"))
    try:
        duplicates = int(X.duplicated().sum())
    except TypeError:
        duplicates = 0
    if duplicates:
        notes.append(
            f"{duplicates} rows repeat another row's features and may stand on both sides of a split; see dedupe"
        )


def _consecutive(column: pd.Series[Any]) -> bool:
    values = np.sort(column.to_numpy())
    return bool(values[-1] - values[0] == len(values) - 1)


def _named(noun: str, labels: list[str], one: str, many: str) -> str:
    if len(labels) == 1:
        return f"{noun} {_clean(labels[0])} {one}"
    more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
    return f"{len(labels)} {noun}s {many}: {', '.join(map(_clean, labels[:3]))}{more}"


def _clean(label: str) -> str:
    return repr(label if len(label) <= 60 else label[:57] + "...")


def _fingerprint(X: pd.DataFrame, targets: tuple[Target, ...], *columns: NDArray[Any] | None) -> str:
    digest = hashlib.sha256(f"{X.shape}".encode())
    for label in X.columns:
        column = X[label]
        digest.update(
            f"\0{label}\0{column.dtype.kind if not isinstance(column.dtype, pd.CategoricalDtype) else 'c'}\0".encode()
        )
        if isinstance(column.dtype, pd.CategoricalDtype):
            digest.update("\0".join(map(str, column.cat.categories)).encode())
            digest.update(np.ascontiguousarray(column.cat.codes, dtype="<i4").tobytes())
        elif column.dtype.kind == "M":
            digest.update(column.to_numpy(dtype="datetime64[ns]").view("<i8").tobytes())
        elif column.dtype.kind in "iufb":
            digest.update(np.ascontiguousarray(column.to_numpy()).tobytes())
        else:
            for value in column:
                digest.update(f"{len(value)}:{value}".encode())
    for target in targets:
        digest.update(f"\0{target.name}\0{target.target_type}\0".encode())
        if target.classes is not None:
            digest.update("\0".join(map(str, target.classes)).encode())
        digest.update(np.ascontiguousarray(target.y).tobytes())
    for one in columns:
        digest.update(b"-" if one is None else one.tobytes())
    return digest.hexdigest()
