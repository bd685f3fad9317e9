"""The rows nearest to a row, exactly and in an order that depends on nothing but the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions.base import Floats

Rows = NDArray[np.intp]

TREE_COLUMNS = 8
"""Columns up to which a k-d tree beats looking at every row."""
BLOCK = 2**22
"""Numbers held at once while searching."""
ROUNDING = 1e-10
"""Relative error of a distance beyond which two rows are told apart without computing it again."""


class Neighbours:
    """Search for the nearest of some rows by Euclidean distance.

    Ties go to the row that stands first, so that the answer for a row does not depend on the rows asked with it, on the
    number of threads, or on the algorithm.

    Parameters
    ----------
    points : ndarray or CSR array of shape (n_points, n_columns)
        Rows to search, without missing values.

    Notes
    -----
    Up to 8 columns a k-d tree, O(log n_points) per row; else all rows, O(n_points * n_columns) per row.
    Both only name candidates: those near the k-th distance are compared by distances computed term by term.
    """

    def __init__(self, points: Any) -> None:
        self.points: Any = points if hasattr(points, "toarray") else np.ascontiguousarray(points, np.float64)
        self._is_sparse = hasattr(points, "toarray")
        if self._is_sparse or self.points.shape[1] > TREE_COLUMNS:
            from sklearn.neighbors import NearestNeighbors

            self._search: Any = NearestNeighbors(algorithm="brute").fit(self.points)
        else:
            from scipy.spatial import cKDTree

            self._search = cKDTree(self.points)
        self._norms = _squared_norms(self.points)

    def __getstate__(self) -> dict[str, Any]:
        # The points alone: a k-d tree of scipy has no form but pickle, and is built again quickly.
        return {"points": self.points}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Neighbours.__init__(self, state["points"])

    def __len__(self) -> int:
        """Return the number of rows to search."""
        return int(self.points.shape[0])

    def find(self, queries: Any, k: int, own: Rows | None = None) -> Rows:
        """Return the positions of the k nearest rows, nearest first, shape (n_queries, k).

        Parameters
        ----------
        queries : ndarray or CSR array of shape (n_queries, n_columns)
            Rows to find neighbours of.
        k : int
            Neighbours; at most as many as there are rows (without the query's own).
        own : ndarray of shape (n_queries,), optional
            Each query's own position among the rows, which is left out.
        """
        if own is not None:
            return _without(self.find(queries, min(k + 1, len(self))), own)
        queries = queries if self._is_sparse else np.ascontiguousarray(queries, dtype=np.float64)
        k = min(k, len(self))
        found = np.empty((queries.shape[0], k), dtype=np.intp)
        size = max(1, BLOCK // ((k + 1) * self.points.shape[1]))
        for start in range(0, queries.shape[0], size):
            rows = slice(start, start + size)
            found[rows] = self._find_block(queries[rows], k)
        return found

    def _find_block(self, queries: Any, k: int) -> Rows:
        if k == len(self):
            return self._ordered(queries, np.tile(np.arange(k), (queries.shape[0], 1)))
        if hasattr(self._search, "kneighbors"):
            distances, candidates = self._search.kneighbors(queries, n_neighbors=k + 1)
        else:
            distances, candidates = self._search.query(queries, k=k + 1)
        squared = distances**2
        slack = ROUNDING * (_squared_norms(queries) + self._norms.max())
        found = self._ordered(queries, candidates[:, :k])
        # Where the next row is as near as the last of the k, all rows as near as that have to be looked at.
        tied = np.flatnonzero(squared[:, k] - squared[:, k - 1] <= slack)
        size = max(1, BLOCK // len(self))
        for rows in (tied[start : start + size] for start in range(0, len(tied), size)):
            table = self._squared_distances(queries[rows])
            for row, own in zip(rows, table, strict=True):
                near = np.flatnonzero(own <= squared[row, k - 1] + slack[row])
                found[row] = self._ordered(queries[[row]], near[None])[0, :k]
        return found

    def _squared_distances(self, queries: Any) -> Floats:
        products: Any = queries @ self.points.T
        if self._is_sparse:
            products = products.toarray()
        products *= -2
        products += self._norms
        products += _squared_norms(queries)[:, None]
        return np.asarray(products)

    def _ordered(self, queries: Any, candidates: Rows) -> Rows:
        """Return the candidates of each query by distance, then by position."""
        candidates = np.sort(candidates, axis=1)
        shape = (*candidates.shape, self.points.shape[1])
        rows = self.points[candidates.reshape(-1)]
        gaps = (rows.toarray() if self._is_sparse else rows).reshape(shape)
        gaps -= (queries.toarray() if self._is_sparse else queries)[:, None, :]
        gaps *= gaps
        order = np.argsort(gaps.sum(axis=2), axis=1, kind="stable")
        found: Rows = np.take_along_axis(candidates, order, axis=1)
        return found


def _squared_norms(points: Any) -> Floats:
    if hasattr(points, "toarray"):
        return np.asarray(points.multiply(points).sum(axis=1)).reshape(-1)
    return np.asarray(np.einsum("ij,ij->i", points, points))


def _without(found: Rows, own: Rows) -> Rows:
    """Return the rows without their own position; where it is not among them, without the last."""
    is_own = found == own[:, None]
    is_own[~is_own.any(axis=1), -1] = True
    return np.asarray(found[~is_own].reshape(len(found), -1))
