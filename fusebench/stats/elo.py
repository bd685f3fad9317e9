"""Elo ratings of models, as TabArena computes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench.stats._arrays import Floats, finite

SCALE, MEAN = 400.0, 1000.0
RIDGE = 1e-6
LOG10 = math.log(10)


class Elo(NamedTuple):
    """Ratings with the distance to the upper and lower ends of their 95% intervals.

    Attributes
    ----------
    elo, plus, minus : ndarray of shape (n_models,)
    estimable : bool
        False when some models beat some others always: then the gaps between them are set by the ridge alone.
    """

    elo: Floats
    plus: Floats
    minus: Floats
    estimable: bool


def elo(errors: Sequence[Floats], *, anchor: int | None = None, n_rounds: int = 200, random_state: int = 0) -> Elo:
    r"""Rate models by the maximum likelihood of their wins.

    Parameters
    ----------
    errors : sequence of ndarray of shape (n_splits, n_models)
        One array per dataset, in the sorted order of their names; lower is better. Only the order within a split
        counts.
    anchor : int, optional
        Model whose rating is set to 1000; the mean is 1000 when not given.
    n_rounds : int, default=200
        Bootstrap rounds over datasets.
    random_state : int, default=0

    Raises
    ------
    ValueError
        If an error is not finite, or there are fewer than two models.

    Notes
    -----
    Every split of a dataset is a game between each two models, an exact tie counts half, and each dataset weighs 1. The
    ratings b minimise :math:`\sum_{ij} W_{ij} \ln(1 + 10^{b_j - b_i}) + \frac{1}{2} 10^{-6} \|b\|^2`, and Elo is
    :math:`400 b + 1000`. Intervals are percentiles of refits on datasets drawn with replacement, before the anchor is
    applied. They are no pairwise test. O(rounds * n_models^3).

    References
    ----------
    .. [1] N. Erickson et al., TabArena: a living benchmark for machine learning on tabular data, NeurIPS 2025.
    """
    wins = np.stack([win_matrix(one) for one in errors])
    n, k = wins.shape[:2]
    if k < 2:
        raise ValueError(f"Elo needs at least 2 models, got {k}")
    point = bradley_terry(wins.sum(axis=0)[None])[0]
    rng = np.random.default_rng(random_state)
    counts = np.stack([np.bincount(rng.choice(n, size=n, replace=True), minlength=n) for _ in range(n_rounds)])
    rounds = bradley_terry(np.tensordot(counts, wins, axes=1), start=(point - MEAN) / SCALE * LOG10)
    low, high = np.quantile(rounds, [0.025, 0.975], axis=0)
    shift = 0.0 if anchor is None else MEAN - point[anchor]
    plus, minus = np.maximum(high - point, 0.0), np.maximum(point - low, 0.0)
    return Elo(point + shift, plus, minus, _connected(wins.sum(axis=0) > 0))


def win_matrix(errors: Floats) -> Floats:
    """Return how often each model beats each other one, as a share of the splits; ties count half."""
    table = finite(errors, "errors")
    wins = np.zeros((table.shape[1], table.shape[1]))
    for split in table:
        wins += (split[:, None] < split) + 0.5 * (split[:, None] == split)
    np.fill_diagonal(wins, 0.0)
    return wins / len(table)


def bradley_terry(wins: Floats, start: Floats | None = None) -> Floats:
    """Return ratings from matrices of wins, by Newton's method on all of them at once.

    Parameters
    ----------
    wins : ndarray of shape (n_fits, n_models, n_models)
    start : ndarray of shape (n_models,), optional
        Natural log strengths to start from.

    Returns
    -------
    ndarray of shape (n_fits, n_models)
    """
    n_fits, k, _ = wins.shape
    games = wins + wins.transpose(0, 2, 1)
    totals = wins.sum(axis=2)
    ridge = RIDGE / LOG10**2
    strength = np.zeros((n_fits, k)) if start is None else np.tile(start, (n_fits, 1))
    diagonal = np.arange(k)
    for _ in range(200):
        chance = 1 / (1 + np.exp(strength[:, None, :] - strength[:, :, None]))
        gradient = totals - (games * chance).sum(axis=2) - ridge * strength
        curvature = -games * chance * (1 - chance)
        curvature[:, diagonal, diagonal] = -(curvature.sum(axis=2) - curvature[:, diagonal, diagonal]) + ridge
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        # Far from the optimum, where hardly any game is open, a full step overshoots.
        strength = strength + step * np.minimum(1.0, 1.0 / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-300))
        if np.abs(step).max() < 1e-10:
            break
    return SCALE * strength / LOG10 + MEAN


def _connected(beats: NDArray[np.bool_]) -> bool:
    """Return whether every model is reached from every other along wins."""
    reach = beats | np.eye(len(beats), dtype=bool)
    for _ in range(max(1, len(beats).bit_length())):
        reach = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0
    return bool(reach.all())
