"""The Bayesian signed-rank test over datasets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusebench.stats._arrays import Floats, finite
from fusebench.stats.bayes_sign import Probabilities, shares

N_DRAWS = 50_000
PRIOR = 0.5
# A block of draws is so large that calls hardly count, and so small that its arrays stay in the processor's cache;
# memory does not follow n_draws.
BLOCK_CELLS = 300_000
LEAST_BLOCK, MOST_BLOCK = 2_500, 10_000
# Differences are compared as whole multiples of 1e-12, so that sums of two of them tie exactly with twice the margin.
UNIT = 1e12


def bayes_signed_rank(
    differences: ArrayLike, margin: float, *, n_draws: int = N_DRAWS, random_state: int = 0
) -> Probabilities:
    """Estimate whether a is worse, practically equivalent or better over datasets.

    Parameters
    ----------
    differences : array-like of shape (n_datasets,)
        Mean score of a minus mean score of b on each dataset.
    margin : float
        Half the width of the region of practical equivalence, >= 0.
    n_draws : int, default=50000
        Draws from the posterior; the standard error of a probability is at most 0.5 / sqrt(n_draws).
    random_state : int, default=0

    Raises
    ------
    ValueError
        If a difference is not finite.

    Notes
    -----
    The datasets and one pseudo-dataset at 0 (weight 1/2) get Dirichlet weights w; with z the differences, the mass of
    "better" is the sum of :math:`w_i w_j` over :math:`z_i + z_j > 2 r`, half of it on equality, of "worse" likewise
    below :math:`-2 r`. A probability is the share of draws in which that mass is the largest. Sorted differences turn
    the double sum into prefix sums: O(n_draws * n_datasets). Not adjusted for the number of comparisons.

    References
    ----------
    .. [1] A. Benavoli et al., A Bayesian Wilcoxon signed-rank test based on the Dirichlet process, ICML 2014.
    .. [2] A. Benavoli, G. Corani, J. Demšar and M. Zaffalon, Time for a change: a tutorial for comparing multiple
       classifiers through Bayesian analysis, JMLR 18, 2017, section 4.3.
    """
    d = finite(differences, "differences")
    return signed_rank_shares(d[:, None], margin, draw_weights(len(d), n_draws, random_state))[0]


def draw_weights(n_datasets: int, n_draws: int = N_DRAWS, random_state: int = 0) -> NDArray[np.float32]:
    """Draw Dirichlet weights of the pseudo-dataset and the datasets; they serve all pairs of models.

    Returns
    -------
    ndarray of shape (n_datasets + 1, n_draws)
    """
    shape = np.ones(n_datasets + 1)
    shape[0] = PRIOR
    rng = np.random.default_rng(random_state)
    weights = np.empty((n_datasets + 1, n_draws), dtype=np.float32)
    for draws in _blocks(weights):
        block = weights[:, draws]
        block[:] = rng.dirichlet(shape, block.shape[1]).T
    return weights


def signed_rank_shares(differences: Floats, margin: float, weights: NDArray[np.floating]) -> list[Probabilities]:
    """Return the probabilities of many pairs from the same drawn weights.

    Parameters
    ----------
    differences : ndarray of shape (n_datasets, n_pairs)
    margin : float
    weights : ndarray of shape (n_datasets + 1, n_draws)

    Notes
    -----
    Only the order of the differences and which sums of two pass the margin matter: pairs alike in that, of which few
    datasets leave many, are computed once.
    """
    found: dict[tuple[bytes, ...], Probabilities] = {}
    answers = []
    for column in differences.T:
        order, below, above = _pattern(column, margin)
        key = (order.tobytes(), below.tobytes(), above.tobytes())
        if key not in found:
            found[key] = _shares(order, below, above, weights, with_region=margin > 0)
        answers.append(found[key])
    return answers


def _pattern(differences: Floats, margin: float) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return what the masses depend on: the order, and for each difference how many others sum up to below or above.

    The last two have shape (2, n_datasets + 1): equal sums left out, and counted.
    """
    z = np.rint(np.concatenate([[0.0], differences]) * UNIT)
    edge = 2 * np.rint(margin * UNIT)
    order = np.argsort(z, kind="stable")
    z = z[order]
    above = np.stack([np.searchsorted(z, edge - z, side="left"), np.searchsorted(z, edge - z, side="right")])
    below = np.stack([np.searchsorted(z, -edge - z, side="left"), np.searchsorted(z, -edge - z, side="right")])
    return order, below, above


def _shares(
    order: NDArray[np.intp],
    below: NDArray[np.intp],
    above: NDArray[np.intp],
    weights: NDArray[np.floating],
    *,
    with_region: bool,
) -> Probabilities:
    n_draws = weights.shape[1]
    masses = np.empty((3, n_draws), dtype=weights.dtype)
    for block in _blocks(weights):
        w = weights[order, block]
        prefix = np.zeros((len(order) + 1, w.shape[1]), dtype=weights.dtype)
        for i in range(len(order)):  # several times faster than cumsum along the first axis
            np.add(prefix[i], w[i], out=prefix[i + 1])
        masses[0, block] = _mass(w, prefix, below)
        masses[2, block] = 1 - _mass(w, prefix, above)
    if with_region:
        masses[1] = 1 - masses[0] - masses[2]
    else:
        masses[0], masses[1] = 1 - masses[2], 0
    return shares(masses)


def _blocks(weights: NDArray[np.floating]) -> Iterator[slice]:
    """Yield the draws of each block."""
    n_values, n_draws = weights.shape
    size = min(max(LEAST_BLOCK, BLOCK_CELLS // n_values), MOST_BLOCK)
    return (slice(start, min(start + size, n_draws)) for start in range(0, n_draws, size))


def _mass(w: NDArray[np.floating], prefix: NDArray[np.floating], ends: NDArray[np.intp]) -> NDArray[np.floating]:
    """Return the sum over i of w_i times the mass before `ends`, equalities counted by half."""
    left, right = ends
    mass: NDArray[np.floating] = np.einsum("ij,ij->j", w, prefix[left])
    if np.array_equal(left, right):
        return mass
    mass += np.einsum("ij,ij->j", w, prefix[right])
    mass /= 2
    return mass
