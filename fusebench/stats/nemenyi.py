"""Nemenyi's critical difference of mean ranks: a picture, not a decision.

Whether two models differ by this test depends on which other models were compared beside them (Benavoli et al. 2016).
The decisions of this project come from pairwise signed-rank tests.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from fusebench.stats._arrays import Floats, finite


def critical_difference(n_models: int, n_datasets: int, alpha: float = 0.05) -> float:
    r"""Return the difference of mean ranks from which two of `n_models` differ.

    Notes
    -----
    :math:`CD = q_\alpha \sqrt{k(k+1)/(6N)}`. Depends on the pool of models. O(1).

    References
    ----------
    .. [1] P. Nemenyi, Distribution-free multiple comparisons, PhD thesis, Princeton, 1963.
    .. [2] J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006, section 3.2.2.
    """
    return critical_q(n_models, alpha) * math.sqrt(n_models * (n_models + 1) / (6 * n_datasets))


def critical_q(n_models: int, alpha: float = 0.05) -> float:
    """Return the upper quantile of the studentized range for infinite degrees of freedom, over the square root of 2."""
    low, high = 0.0, 20.0
    for _ in range(60):  # halving 20 sixty times reaches the last bit
        middle = (low + high) / 2
        low, high = (middle, high) if studentized_range_sf(middle, n_models) > alpha else (low, middle)
    return high / math.sqrt(2)


def nemenyi_p(mean_ranks: ArrayLike, n_datasets: int) -> Floats:
    """Return the p of every pair, pool-dependent.

    Parameters
    ----------
    mean_ranks : array-like of shape (n_models,)

    Returns
    -------
    ndarray of shape (n_models, n_models)
    """
    means = finite(mean_ranks, "mean_ranks")
    k = len(means)
    z = np.abs(means[:, None] - means) / math.sqrt(k * (k + 1) / (6 * n_datasets))
    p = np.ones((k, k))
    for i, j in zip(*np.triu_indices(k, 1), strict=True):
        p[i, j] = p[j, i] = studentized_range_sf(float(z[i, j]) * math.sqrt(2), k)
    return p


def studentized_range_sf(q: float, n_models: int) -> float:
    r"""Return the chance that the range of `n_models` standard normal values exceeds q.

    Notes
    -----
    :math:`1 - k \int \varphi(z) [\Phi(z) - \Phi(z - q)]^{k-1} dz`; the trapezoid rule converges exponentially fast
    for such an integrand, so that 600 points give all digits of a double.
    """
    z, step = np.linspace(-9.0, 9.0, 601, retstep=True)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    within = float(n_models * step * np.sum(density * (ndtr(z) - ndtr(z - q)) ** (n_models - 1)))
    return min(1.0, max(0.0, 1 - within))
