"""What a dataset is, and what a source of datasets has to do.

Adding a source is adding one file to this package. Its name is the ``source`` in YAML; the class inside reads a raw
table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fusebench.discovery import Registry

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fusebench.spec.model import DatasetSpec

REGISTRY = Registry(package="fusebench.datasets", base="Source", noun="source")


@dataclass(frozen=True, eq=False)
class Target:
    """One thing to predict.

    Parameters
    ----------
    name : str
    y : ndarray of shape (n_samples,)
        Class codes (-1 where missing), or values (NaN where missing).
    target_type : {"binary", "multiclass", "continuous"}
    classes : ndarray of shape (n_classes,) or None
        The labels, sorted; None for continuous.
    missing : ndarray of bool of shape (n_samples,) or None
        Rows without a value; None when every row has one.
    """

    name: str
    y: NDArray[Any]
    target_type: str
    classes: NDArray[Any] | None
    missing: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features and targets, ready to be split.

    Parameters
    ----------
    name : str
    X : DataFrame of shape (n_samples, n_features)
    targets : tuple of Target
    fingerprint : str
        Digest of the content.
    preprocessing : str
        Digest of what was done to the rows before any split.
    groups, time, folds, weights : ndarray of shape (n_samples,) or None
    ids : ndarray of str of shape (n_samples,) or None
        What each row is called elsewhere.
    text : tuple of str
        Columns of free text.
    notes : tuple of str
        What a reader should know.
    """

    name: str
    X: pd.DataFrame
    targets: tuple[Target, ...]
    fingerprint: str
    preprocessing: str
    groups: NDArray[Any] | None = None
    time: NDArray[Any] | None = None
    folds: NDArray[Any] | None = None
    weights: NDArray[np.float64] | None = None
    text: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ids: NDArray[np.str_] | None = None


class Source(ABC):
    """A place that tables come from."""

    options: ClassVar[Mapping[str, str]] = {}
    """The fields of an entry that only this source knows, and what each means."""
    takes_sha256: ClassVar[bool] = True
    """Whether an entry may say what checksum its files have."""

    def missing(self, spec: DatasetSpec) -> tuple[str, str] | None:
        """Return the package that has to be installed first and the command that does it, None for nothing."""
        return None

    @abstractmethod
    def read(self, spec: DatasetSpec, base: Path) -> pd.DataFrame:
        """Return the raw table, targets among its columns; ``frame.attrs["target"]`` may name them.

        Raises
        ------
        DataError
            If it cannot be read.
        """

    @abstractmethod
    def identity(self, spec: DatasetSpec, base: Path) -> str:
        """Return what changes when the content changes, without reading the table.

        Raises
        ------
        DataError
            If there is nothing to read.
        """
