"""Datasets in memory as entries of a spec: written once to the store, so that the spec can be run again."""

from __future__ import annotations

import hashlib
import io as bytes_io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fusebench import io
from fusebench.errors import UsageError
from fusebench.estimators._frames import as_pandas, as_series, is_frame

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "tables"
ROLES = ("group", "time", "fold", "weights")
FORMS = (
    "a dataset in memory is {'name': ..., 'X': frame or array, 'y': column}, "
    "{'name': ..., 'frame': frame, 'target': column name} or, under its name, a pair (X, y)"
)


def with_tables(spec: Mapping[str, Any], store: Path) -> dict[str, Any]:
    """Return a spec whose datasets in memory are files of the store.

    Parameters
    ----------
    spec : mapping
        As in YAML; its datasets may also hold frames and arrays.
    store : Path

    Raises
    ------
    UsageError
        If a dataset in memory lacks its target, or cannot be saved.
    StorageError
        If the store cannot be written.
    """
    key = "dataset" if "dataset" in spec and "datasets" not in spec else "datasets"
    return {**spec, key: [_entry(one, store) for one in _listed(spec.get(key, []))]} if key in spec else dict(spec)


def _listed(found: Any) -> list[Any]:
    """Return the datasets of a spec one by one; under names, or as one alone, too."""
    if isinstance(found, Mapping) and not {"X", "frame", "source", "name"} & set(found):
        return [_named(name, one) for name, one in found.items()]
    return list(found) if isinstance(found, (list, tuple)) else [found]


def _named(name: str, one: Any) -> Any:
    if isinstance(one, tuple) and len(one) == 2:
        return {"name": name, "X": one[0], "y": one[1]}
    if isinstance(one, Mapping):
        return {"name": name, **one}
    raise UsageError(f"datasets.{name}: got {type(one).__name__}; {FORMS}")


def _entry(one: Any, store: Path) -> Any:
    if is_frame(one) or isinstance(one, np.ndarray):
        raise UsageError(f"datasets: got {type(one).__name__} alone; {FORMS}")
    if not isinstance(one, Mapping) or not {"X", "frame"} & set(one):
        return one
    entry = dict(one)
    name = str(entry.get("name", "data"))
    try:
        frame, target = _frame(entry, name)
        for role in ROLES:
            if entry.get(role) is not None and not isinstance(entry[role], str):
                entry[role] = _add(frame, entry[role], role, name)
    except ValueError as error:
        raise UsageError(f"datasets.{name}: {error}") from error
    path = _written(frame, store, name)
    return {**entry, "name": name, "source": "file", "path": str(path), "target": target}


def _frame(entry: dict[str, Any], name: str) -> tuple[pd.DataFrame, Any]:
    """Return one table with the target in it; takes what it has read out of the entry."""
    if "frame" in entry:
        if entry.get("target") is None:
            raise UsageError(f"datasets.{name}: which column of the frame is the target? Say 'target'; {FORMS}")
        return _table(entry.pop("frame")).rename(columns=str), entry["target"]
    if entry.get("y") is None:
        raise UsageError(f"datasets.{name}: 'X' needs 'y'; {FORMS}")
    frame, y = _table(entry.pop("X")).rename(columns=str), as_series(entry.pop("y"))
    if is_frame(y):
        targets = as_pandas(y).rename(columns=str)
        return frame, [_add(frame, targets[one], one, name) for one in targets.columns]
    return frame, _add(frame, y, str(getattr(y, "name", None) or "target"), name)


def _table(X: Any) -> pd.DataFrame:
    import pandas as pd

    if is_frame(X):
        return as_pandas(X).reset_index(drop=True)
    values = np.asarray(X)
    if values.ndim != 2:
        raise ValueError(f"X has {values.ndim} dimensions, expected 2")
    return pd.DataFrame(values, columns=[f"x{n}" for n in range(values.shape[1])])


def _add(frame: pd.DataFrame, values: Any, wanted: str, name: str) -> str:
    """Add a column under a name that is free, and return that name."""
    column = np.asarray(as_series(values))
    if column.shape != (len(frame),):
        raise UsageError(f"datasets.{name}: {wanted!r} has the shape {column.shape}, X has {len(frame)} rows")
    while wanted in frame.columns:
        wanted += "_"
    frame[wanted] = column
    return wanted


def _written(frame: pd.DataFrame, store: Path, name: str) -> Path:
    """Write a table under the digest of its bytes, unless it is there."""
    import pyarrow as pa
    from pyarrow import feather

    buffer = bytes_io.BytesIO()
    try:
        feather.write_feather(frame, buffer, compression="uncompressed")
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise UsageError(f"datasets.{name}: cannot be saved as a table: {str(error).splitlines()[0]}") from error
    content = buffer.getvalue()
    path = (store / FOLDER / f"{hashlib.sha256(content).hexdigest()[:32]}.feather").absolute()
    if not path.exists():
        io.write_durably(path, [content])
    return path
