"""Datasets: where they come from and what is known about them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.datasets._registry import entries, known, looks_like_data, names, resolve, source_of, suites, table
from fusebench.datasets.base import REGISTRY, Dataset, Source, Target
from fusebench.errors import DataError, Problem, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fusebench.datasets._predicted import PredictionTable
    from fusebench.datasets._saved import SavedDataset
    from fusebench.spec.model import CV, DatasetSpec

__all__ = [
    "REGISTRY", "Dataset", "Source", "Target", "check_folds", "entries", "features", "file_digest", "identity",
    "is_intact", "known", "load", "looks_like_data", "names", "open_saved", "read_file", "read_predictions", "resolve",
    "save", "show", "suites", "table",
]  # fmt: skip


def identity(spec: DatasetSpec, base: Path) -> str:
    """Return text that changes when the dataset would; reads at most the bytes of a file.

    Raises
    ------
    DataError
        If there is nothing to read.
    """
    from importlib.metadata import version

    content = source_of(spec).identity(spec, base)
    return json.dumps([content, spec.model_dump(mode="json"), version("pandas")], sort_keys=True)


def load(spec: DatasetSpec, base: Path) -> Dataset:
    """Read a dataset.

    Raises
    ------
    DataError
        If it cannot be read, or not be used as its entry says.
    """
    frame, targets = _read(spec, base)
    if not targets:
        listed = ", ".join(repr(str(one)) for one in list(frame.columns)[:20])
        raise DataError(
            f"{spec.name}: which column is the target? Say `target: ...` (--target); the columns are {listed}"
        )
    return _assembled(spec, frame, targets)


def _read(spec: DatasetSpec, base: Path) -> tuple[pd.DataFrame, tuple[str | int, ...]]:
    """Return the raw table and its targets, those of its source where the entry names none."""
    targets = spec.target if isinstance(spec.target, tuple) else () if spec.target is None else (spec.target,)
    frame = source_of(spec).read(spec, base)
    return frame, targets or tuple(frame.attrs.get("target") or ())


def _assembled(spec: DatasetSpec, frame: pd.DataFrame, targets: tuple[str | int, ...]) -> Dataset:
    from fusebench.datasets._assemble import assemble

    return assemble(spec, frame, targets)


def features(frame: pd.DataFrame, text: Sequence[str] = ()) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the columns of a frame as the kinds of features that they are, and which of them hold text.

    Parameters
    ----------
    frame : DataFrame of shape (n_samples, n_features)
    text : sequence of str, default=()
        Columns that hold text, beside those that look it.
    """
    from fusebench.datasets._features import read_features

    return read_features(frame, frozenset(text), frozenset())


def read_file(path: Path, name: str, *, na_values: Sequence[str] = (), **options: Any) -> pd.DataFrame:
    """Return the raw table in a file, with every way in which it can be broken said clearly.

    Parameters
    ----------
    **options
        Those of source ``file``, and ``as_text``: columns of a CSV that are left as the text that stands there.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    from fusebench.datasets._tables import existing, read_table

    return read_table(existing(path, name), name, tuple(na_values), dict(options))


def file_digest(path: Path, name: str) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    DataError
        If there is no such file; `name` is what the message begins with.
    """
    from fusebench.datasets._tables import existing, sha256_of

    return sha256_of(existing(path, name))


def read_predictions(path: Path, name: str, **columns: Any) -> PredictionTable:
    """Read a table of predictions that were made elsewhere; see `fusebench.datasets._predicted`."""
    from fusebench.datasets import _predicted

    return _predicted.read_predictions(path, name, **columns)


def save(dataset: Dataset, folder: Path) -> None:
    """Write a dataset to a new folder; see `open_saved`."""
    from fusebench.datasets import _saved

    _saved.save(dataset, folder)


def is_intact(folder: Path) -> bool:
    """Return whether a saved dataset is whole and no byte of it has changed since it was saved; O(bytes)."""
    from fusebench.datasets import _saved

    return _saved.is_intact(folder)


def open_saved(folder: Path) -> SavedDataset:
    """Return a saved dataset; numeric columns are mapped, not read."""
    from fusebench.datasets import _saved

    return _saved.SavedDataset(folder)


def check_folds(
    y: NDArray[Any], cv: CV, *, target_type: str, groups: NDArray[Any] | None = None
) -> tuple[list[str], list[str]]:
    """Return the errors and the notes of splitting a target; see `fusebench.datasets._folds`."""
    from fusebench.datasets import _folds

    return _folds.check_folds(y, cv, target_type=target_type, groups=groups)


def show(name: str, base: Path | None = None, *, target: str | None = None) -> str:
    """Return a description of a dataset for people.

    Parameters
    ----------
    name : str
        Of the registry, of OpenML, or of a file.
    target : str, optional
        The target column of a file.

    Raises
    ------
    UsageError
        If there is no such dataset, or it cannot be read.
    """
    from fusebench import spec as specs
    from fusebench.datasets._describe import describe

    spec = resolve(specs.dataset(name), base or Path())
    if isinstance(spec, Problem):
        raise UsageError(f"{spec.message}   {spec.hint}".rstrip())
    if isinstance(spec, list):
        raise UsageError(f"{name} is a suite of {len(spec)} datasets: {', '.join(one.name for one in spec)}")
    if target is not None:
        spec = spec.model_copy(update={"target": target})
    frame, targets = _read(spec, base or Path())
    dataset = _without_target(spec, frame) if not targets else _assembled(spec, frame, targets)
    return describe(spec, dataset, **{key: str(frame.attrs.get(key) or "") for key in ("licence", "citation")})


def _without_target(spec: DatasetSpec, frame: pd.DataFrame) -> Dataset:
    """Return a table whose target nobody has named yet, every column a feature."""
    from fusebench.datasets._features import read_features
    from fusebench.datasets._notes import feature_notes

    X, text = read_features(frame.rename(columns=str), frozenset(spec.text), frozenset())
    notes = ["no target is named: say `--target COLUMN` to see its classes and what gives it away"]
    return Dataset(spec.name, X, (), "", "", text=text, notes=(*notes, *feature_notes(X, (), text)))
