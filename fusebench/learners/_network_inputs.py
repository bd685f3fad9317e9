"""From encoded rows to what a network takes: standardised numbers, and codes for embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Inputs:
    """Turn encoded rows into standardised numbers and codes, as learned from training rows.

    A missing number becomes the mean, and where training rows lack some, an indicator stands beside it. Code 0 is a
    missing or unseen category.
    """

    def __init__(self, X: NDArray[Any], categorical: Sequence[int]) -> None:
        self.categorical = list(categorical)
        self.numeric = [column for column in range(X.shape[1]) if column not in set(categorical)]
        numbers = X[:, self.numeric].astype(np.float64)
        absent = np.isnan(numbers)
        counts = np.maximum((~absent).sum(axis=0), 1)
        self.mean = np.where(absent, 0, numbers).sum(axis=0) / counts
        deviation = np.where(absent, 0, numbers - self.mean)
        scale = np.sqrt((deviation**2).sum(axis=0) / counts)
        self.scale = np.where(scale > 0, scale, 1.0)
        self.indicated = np.flatnonzero(absent.any(axis=0))
        # A column without any category known has the one code for missing ones.
        highest = [np.nan_to_num(X[:, column], nan=-1).max(initial=-1) for column in self.categorical]
        self.cardinalities = tuple(int(code) + 2 for code in highest)

    @property
    def n_numbers(self) -> int:
        """Numeric inputs of the network."""
        return len(self.numeric) + len(self.indicated)

    def numbers(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return the numeric inputs, shape (n_samples, n_numbers)."""
        raw = X[:, self.numeric].astype(np.float64)
        absent = np.isnan(raw)
        standard = np.where(absent, 0, (raw - self.mean) / self.scale)
        return np.hstack([standard, absent[:, self.indicated]]).astype(np.float32)

    def codes(self, X: NDArray[Any]) -> NDArray[np.int64]:
        """Return the categorical inputs, shape (n_samples, n_categorical)."""
        raw = X[:, self.categorical].astype(np.float64) + 1
        known = (raw >= 1) & (raw < np.array(self.cardinalities))
        return np.where(known, raw, 0).astype(np.int64)


@dataclass(frozen=True)
class Start:
    """Where a training starts, in place of new weights and of inputs learned from its own rows.

    Parameters
    ----------
    inputs : Inputs
        Shared by all networks whose weights are handed on or merged.
    body : mapping of str to ndarray, optional
        Weights of the embeddings and hidden layers, as ``body()`` of a network returns; new ones by default.
    frozen : bool, default=False
        Whether the head alone is trained.
    """

    inputs: Inputs
    body: Mapping[str, NDArray[Any]] | None = None
    frozen: bool = False


def as_matrix(X: Any, n_features: int | None) -> NDArray[Any]:
    """Return features as a matrix, shape (n_samples, n_features).

    Raises
    ------
    ValueError
        If they have another shape.
    """
    matrix = np.asarray(X, dtype=np.float64)
    if matrix.ndim != 2 or (n_features is not None and matrix.shape[1] != n_features):
        raise ValueError(f"X has shape {matrix.shape}, expected (n_samples, {n_features or 'n_features'})")
    return matrix
