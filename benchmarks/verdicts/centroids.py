"""Real cross-validations of models that are equal by construction.

Each model is a nearest-centroid classifier on its own block of features. The blocks are exchangeable: the same class
signal, the same shared noise and independent noise of the same size. So no model is truly better than another, yet
their scores on the same folds differ as those of two versions of one learner do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
N_ROWS, N_FEATURES, SIGNAL, SHARED = 200, 4, 0.45, 0.5


def dataset(n_models: int, rng: np.random.Generator) -> tuple[Floats, NDArray[np.intp]]:
    """Return features (n_rows, n_models, n_features) and labels 0, 1 in equal numbers."""
    y = np.repeat([0, 1], N_ROWS // 2)
    shared = rng.standard_normal((N_ROWS, 1, N_FEATURES))
    own = rng.standard_normal((N_ROWS, n_models, N_FEATURES))
    return SIGNAL * (2 * y[:, None, None] - 1) + np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own, y


def fold_scores(X: Floats, y: NDArray[np.intp], n_splits: int, n_repeats: int, rng: np.random.Generator) -> Floats:
    """Return accuracies of repeated stratified k-fold cross-validation, (n_repeats * n_splits, n_models)."""
    return np.concatenate([_one_repeat(X, y, n_splits, rng) for _ in range(n_repeats)])


def _one_repeat(X: Floats, y: NDArray[np.intp], n_splits: int, rng: np.random.Generator) -> Floats:
    n, m, q = X.shape
    fold = np.empty(n, dtype=np.intp)
    for label in (0, 1):
        rows = np.flatnonzero(y == label)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % n_splits
    cell = np.zeros((2 * n_splits, n))
    cell[2 * fold + y, np.arange(n)] = 1
    inside = (cell @ X.reshape(n, -1)).reshape(n_splits, 2, m, q)
    counts = cell.sum(axis=1).reshape(n_splits, 2, 1, 1)
    # Centroids of the training part: all rows less those of the fold.
    centroids = (inside.sum(axis=0) - inside) / (counts.sum(axis=0) - counts)
    direction = 2 * (centroids[:, 1] - centroids[:, 0])
    offset = (centroids[:, 0] ** 2 - centroids[:, 1] ** 2).sum(axis=-1)
    nearer_one = np.einsum("nmq,nmq->nm", X, direction[fold]) + offset[fold] > 0
    right = (nearer_one == y[:, None].astype(bool)).astype(np.float64)
    return (cell.reshape(n_splits, 2, n).sum(axis=1) @ right) / counts.sum(axis=(1, 2, 3))[:, None]
