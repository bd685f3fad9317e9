"""From a raw table to a dataset: targets, kinds of columns, checks and notes."""

from __future__ import annotations

import hashlib
import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fusebench.datasets._features import read_features, without_infinite
from fusebench.datasets._fingerprint import fingerprint
from fusebench.datasets._labels import unique_ids
from fusebench.datasets._notes import feature_notes
from fusebench.datasets._targets import read_target
from fusebench.datasets.base import Dataset
from fusebench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fusebench.spec.model import DatasetSpec

STEPS = {
    *("drop", "dedupe", "na_values", "inf", "target", "group", "time", "fold", "weights", "text", "categorical"),
}
ROLES = ("group", "time", "fold", "weights", "id")


def assemble(spec: DatasetSpec, frame: pd.DataFrame, targets: tuple[str | int, ...]) -> Dataset:
    """Return the dataset of a raw table.

    Parameters
    ----------
    spec : DatasetSpec
        Its entry.
    frame : DataFrame
        The raw table.
    targets : tuple of str or int
        The target columns, by name or position.

    Raises
    ------
    DataError
        If the table cannot be used as the entry says.
    """
    name = spec.name
    frame = frame.rename(columns=str)
    _no_duplicate_columns(frame, name)
    labels = tuple(_column(frame, one, name, "target") for one in targets)
    notes: list[str] = []
    frame = _without(frame, spec, notes)
    dropped = [_column(frame, one, name, "drop") for one in spec.drop]
    frame = frame.drop(columns=dropped)
    if spec.dedupe:
        before = len(frame)
        frame = frame[~frame.duplicated(subset=[one for one in frame.columns if one != spec.id])]
        if len(frame) < before:
            notes.append(f"{before - len(frame)} duplicate rows were removed")
    if spec.sample is not None and spec.sample < len(frame):
        notes.append(f"{spec.sample} of {len(frame)} rows were drawn")
        drawn = np.random.default_rng(0).permutation(len(frame))[: spec.sample]
        frame = frame.iloc[np.sort(drawn)]
    frame = frame.reset_index(drop=True)
    roles = {role: _role(frame, getattr(spec, role), name, role) for role in ROLES}
    if roles["time"] is not None:
        times = _time_values(roles["time"], name)
        order = np.argsort(times, kind="stable")
        if (np.diff(order) < 0).any():
            notes.append(f"the rows were sorted by their time column {spec.time!r}")
        if len(np.unique(times)) < len(times):
            notes.append(f"some rows share a time in {spec.time!r}; they keep their order, and a split may part them")
        frame = frame.iloc[order].reset_index(drop=True)
        roles = {role: None if one is None else one.iloc[order].reset_index(drop=True) for role, one in roles.items()}
    special = [getattr(spec, role) for role in roles if getattr(spec, role) is not None]
    X = frame.drop(columns=[*labels, *special])
    if not X.shape[1] and spec.id is None:
        raise DataError(f"{name}: no feature columns are left beside the target")
    declared_text = frozenset(_column(X, one, name, "text") for one in spec.text)
    categorical = frozenset(_column(X, one, name, "categorical") for one in spec.categorical)
    X, text = read_features(X, declared_text, categorical)
    for label in text:
        if not any(document.strip() for document in X[label]):
            raise DataError(f"{name}: text: column {label!r} is empty in every row; drop it")
    X = without_infinite(X, name, spec.inf, notes)
    found = tuple(read_target(frame[one], one, spec, len(labels) > 1, notes) for one in labels)
    notes += feature_notes(X, found, text)
    groups = None if roles["group"] is None else pd.factorize(roles["group"].astype(str))[0]
    folds = None if roles["fold"] is None else pd.factorize(roles["fold"], sort=True)[0]
    weights = None if roles["weights"] is None else _weights(roles["weights"], name)
    ids = None if roles["id"] is None else unique_ids(roles["id"], name)
    digest = fingerprint(X, found, groups, folds, weights, *([] if ids is None else [ids]))
    named = {one for one in ("exclude", "id", "classes", "sample") if getattr(spec, one)}
    steps = spec.model_dump(mode="json", include=STEPS | named)
    preprocessing = hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()[:16]
    return Dataset(name, X, found, digest, preprocessing, groups, None, folds, weights, text, tuple(notes), ids)


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
