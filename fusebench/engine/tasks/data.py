"""The rows of a prediction problem, opened from a saved dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench import datasets, encoders
from fusebench.engine.keys import digest
from fusebench.engine.problem import PredictionProblem
from fusebench.engine.splits import KeptSplits, Rows, Splits

FOLDS_LAYOUT = 4  # of what is remembered of a problem's folds; a new number splits it again


def folds_key(problem: PredictionProblem) -> str:
    """Return the key of what is remembered of a problem's folds."""
    return digest("folds", FOLDS_LAYOUT, problem.digest)


@dataclass(frozen=True)
class DataFolders:
    """Maps a dataset's key to its folder in a store; travels to workers."""

    root: Path

    def __call__(self, data_key: str) -> Path:
        """Return the folder of a saved dataset."""
        return self.root / "data" / data_key


@dataclass
class ProblemData:
    """The rows of a problem, opened from a saved dataset."""

    problem: PredictionProblem
    folder: Path
    known_folds: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @cached_property
    def _dataset(self) -> Any:
        return datasets.open_saved(self.folder)

    @cached_property
    def _target(self) -> Any:
        return next(target for target in self._dataset.targets if target.name == self.problem.target)

    @cached_property
    def _kept(self) -> Rows | None:
        missing = self._target.missing
        return None if missing is None or not np.any(missing) else np.flatnonzero(~np.asarray(missing))

    def _rows(self, column: NDArray[Any] | None) -> NDArray[Any] | None:
        return column if column is None or self._kept is None else column[self._kept]

    @cached_property
    def X(self) -> Any:  # noqa: N802 - a matrix
        """The features, DataFrame of shape (n_samples, n_features)."""
        frame = self._dataset.X
        return frame if self._kept is None else frame.iloc[self._kept]

    @cached_property
    def columns(self) -> encoders.Columns:
        """The features by kind."""
        return encoders.Columns.of(self.X, self.text)

    @property
    def is_matrix(self) -> bool:
        """Whether the features are NumPy numbers, all of them."""
        return self.columns.plain and not self.columns.text

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """The features where they are a matrix, shape (n_samples, n_features)."""
        return np.ascontiguousarray(self.X.to_numpy(dtype=np.float64))

    @cached_property
    def y(self) -> NDArray[Any]:
        """Class codes or values, shape (n_samples,)."""
        own = self._rows(self._target.y)
        return np.asarray(own)

    @property
    def targets(self) -> Sequence[Any]:
        """All targets of the dataset, each with every row."""
        return tuple(self._dataset.targets)

    def dataset_rows(self, rows: Rows) -> Rows:
        """Return where in the dataset some of the problem's rows stand."""
        return rows if self._kept is None else self._kept[rows]

    @property
    def dataset_X(self) -> Any:  # noqa: N802 - a matrix
        """The features of all rows of the dataset, also of those that lack the problem's target."""
        return self._dataset.X

    @property
    def dataset_groups(self) -> NDArray[Any] | None:
        """Groups of all rows of the dataset."""
        groups: NDArray[Any] | None = self._dataset.groups
        return groups

    @property
    def dataset_weights(self) -> NDArray[Any] | None:
        """Sample weights of all rows of the dataset."""
        weights: NDArray[Any] | None = self._dataset.weights
        return weights

    @property
    def ids(self) -> NDArray[Any] | None:
        """What the rows are called elsewhere, shape (n_samples,)."""
        return self._rows(self._dataset.ids)

    @property
    def classes(self) -> NDArray[Any]:
        """The dataset's own labels in the order of their codes, shape (n_classes,); empty for regression."""
        return np.empty(0) if self._target.classes is None else np.asarray(self._target.classes)

    @property
    def text(self) -> tuple[str, ...]:
        """Columns of free text."""
        return tuple(self._dataset.text)

    @cached_property
    def groups(self) -> NDArray[Any] | None:
        """Groups, shape (n_samples,)."""
        return self._rows(self._dataset.groups)

    @cached_property
    def weights(self) -> NDArray[Any] | None:
        """Sample weights, shape (n_samples,)."""
        return self._rows(self._dataset.weights)

    @cached_property
    def splits(self) -> Splits:
        """The problem's splits, on the rows that have its target."""
        whole = self.dataset_splits
        if self._kept is None:
            return whole
        return KeptSplits(whole.scheme, self.y, whole.stratify, whole=whole, kept=self._kept)

    @cached_property
    def dataset_splits(self) -> Splits:
        """The splits of all rows of the dataset, stratified by its first target; all its targets share them."""
        first = self._dataset.targets[0]
        return Splits(
            self.problem.scheme,
            np.asarray(first.y),
            first.target_type != "continuous",
            self._dataset.groups,
            self._dataset.folds,
            self.known_folds,
        )
