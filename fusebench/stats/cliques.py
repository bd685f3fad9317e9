"""Groups of models that cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MOST_CLIQUES = 200


def maximal_cliques(together: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Return the largest sets of models in which no two differ.

    Parameters
    ----------
    together : ndarray of bool of shape (n_models, n_models)
        Symmetric: whether two models cannot be told apart.

    Returns
    -------
    list of tuple of int
        Each sorted; in the order of their members.

    Notes
    -----
    The algorithm of Bron and Kerbosch with pivots. Never "everything between two ranks": not being told apart is no
    equivalence relation. A graph can have exponentially many maximal cliques; past 200, cliques are grown
    greedily until every pair that belongs together shares one, which is all that letters need. O(200 k^2) then.

    References
    ----------
    .. [1] C. Bron and J. Kerbosch, Algorithm 457: finding all cliques of an undirected graph, CACM 16, 1973.
    """
    k = len(together)
    near = [{j for j in range(k) if together[i, j] and j != i} for i in range(k)]
    found: list[tuple[int, ...]] = []
    for clique in _expand(set(), set(range(k)), set(), near):
        if len(found) == MOST_CLIQUES:
            return sorted(_cover(near))
        found.append(tuple(sorted(clique)))
    return sorted(found)


def _expand(clique: set[int], candidates: set[int], done: set[int], near: list[set[int]]) -> Iterator[set[int]]:
    if not candidates and not done:
        yield clique
        return
    pivot = max(candidates | done, key=lambda one: (len(candidates & near[one]), -one))
    for one in sorted(candidates - near[pivot]):
        yield from _expand(clique | {one}, candidates & near[one], done & near[one], near)
        candidates = candidates - {one}
        done = done | {one}


def _cover(near: list[set[int]]) -> list[tuple[int, ...]]:
    """Return maximal cliques such that every two neighbours share one."""
    open_pairs = {(i, j) for i, others in enumerate(near) for j in others if i < j}
    cliques: list[tuple[int, ...]] = [(i,) for i, others in enumerate(near) if not others]
    while open_pairs:
        clique = set(min(open_pairs))
        candidates = set.intersection(*(near[one] for one in clique))
        while candidates:
            best = max(
                candidates, key=lambda one: (sum((min(one, c), max(one, c)) in open_pairs for c in clique), -one)
            )
            clique.add(best)
            candidates &= near[best]
        members = sorted(clique)
        open_pairs -= {(a, b) for i, a in enumerate(members) for b in members[i + 1 :]}
        cliques.append(tuple(members))
    return cliques
