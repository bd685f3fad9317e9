from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from fusebench.fusions import _neighbours
from fusebench.fusions._neighbours import Neighbours


def by_hand(points, queries, k, own=None):
    """Nearest first, equal distances in the order of the rows."""
    found = []
    for at, query in enumerate(queries):
        distances = ((points - query) ** 2).sum(axis=1)
        if own is not None:
            distances[own[at]] = np.inf
        found.append(np.lexsort((np.arange(len(points)), distances))[:k])
    return np.array(found)


def rows(kind, n_columns):
    rng = np.random.default_rng(n_columns)
    if kind == "continuous":
        return rng.normal(size=(150, n_columns))
    return rng.integers(0, 2, size=(150, min(n_columns, 5))).astype(float).repeat(max(1, n_columns // 5), axis=1)


@pytest.mark.parametrize("as_given", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("n_columns", [3, 20], ids=["tree", "all rows"])
@pytest.mark.parametrize("kind", ["continuous", "many ties"])
def test_order_is_by_distance_then_by_row(kind, n_columns, as_given):
    points = rows(kind, n_columns)
    search, own = Neighbours(as_given(points)), np.arange(40)
    for k in (1, 7, 149):
        np.testing.assert_array_equal(search.find(as_given(points[:40]), k), by_hand(points, points[:40], k))
        np.testing.assert_array_equal(
            search.find(as_given(points[:40]), k, own=own), by_hand(points, points[:40], k, own)
        )


@pytest.mark.parametrize("n_columns", [3, 20])
def test_a_row_alone_has_the_same_neighbours(n_columns, monkeypatch):
    points = rows("many ties", n_columns)
    together = Neighbours(points).find(points[:30], 7)
    monkeypatch.setattr(_neighbours, "BLOCK", 1)  # one row at a time
    np.testing.assert_array_equal(Neighbours(points).find(points[:30], 7), together)


def test_more_neighbours_than_rows_are_all_rows():
    points = np.array([[0.0], [2.0], [1.0]])
    np.testing.assert_array_equal(Neighbours(points).find(points[[0]], 7), [[0, 2, 1]])
    np.testing.assert_array_equal(Neighbours(points).find(points[[0]], 7, own=np.array([0])), [[2, 1]])
