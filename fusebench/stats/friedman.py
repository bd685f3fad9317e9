"""Friedman's test over datasets, and the F of Iman and Davenport."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, fdtrc

from fusebench.stats._arrays import Floats, finite


class Friedman(NamedTuple):
    """Both statistics with their p; `f` is infinite when every dataset ranks the models alike."""

    chi2: float
    p_chi2: float
    f: float
    df1: int
    df2: int
    p_f: float


def friedman(ranks: ArrayLike, *, tie_corrected: bool = True) -> Friedman | None:
    r"""Test whether all models rank alike.

    Parameters
    ----------
    ranks : array-like of shape (n_datasets, n_models)
        Of `fusebench.stats.ranks`, at least two datasets and three models.
    tie_corrected : bool, default=True
        Divide by the tie factor. Demšar's printed numbers omit it.

    Returns
    -------
    Friedman or None
        None when all models tie on all datasets.

    Raises
    ------
    ValueError
        With fewer than three models (use the signed-rank test) or fewer than two datasets.

    Notes
    -----
    :math:`\chi^2 = \frac{12N}{k(k+1)} [\sum \bar R_j^2 - k(k+1)^2/4]`, divided by
    :math:`C = 1 - \sum (t^3 - t) / (N k (k^2 - 1))` for ties, and
    :math:`F = (N-1)\chi^2 / (N(k-1) - \chi^2)`, which with the tie-corrected :math:`\chi^2` is the F of an analysis
    of variance on the ranks. O(N k log k).

    References
    ----------
    .. [1] M. Friedman, The use of ranks to avoid the assumption of normality, JASA 32, 1937.
    .. [2] R. Iman and J. Davenport, Approximations of the critical region of the Friedman statistic,
       Communications in Statistics 9, 1980.
    .. [3] J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006, section 3.2.2.
    """
    table = finite(ranks, "ranks")
    n, k = table.shape
    if k < 3 or n < 2:
        raise ValueError(f"Friedman's test needs at least 3 models and 2 datasets, got {k} and {n}")
    factor = tie_factor(table)
    if factor <= 0:
        return None
    chi2 = 12 * n / (k * (k + 1)) * (float(np.sum(table.mean(axis=0) ** 2)) - k * (k + 1) ** 2 / 4)
    chi2 = max(0.0, chi2) / (factor if tie_corrected else 1.0)
    df1, df2 = k - 1, (k - 1) * (n - 1)
    rest = n * (k - 1) - chi2
    # The difference of two equal numbers is not exactly 0 in floating point.
    f = (n - 1) * chi2 / rest if rest > 1e-9 * n * k else math.inf
    return Friedman(chi2, float(chdtrc(df1, chi2)), f, df1, df2, float(fdtrc(df1, df2, f)) if f < math.inf else 0.0)


def tie_factor(ranks: Floats) -> float:
    """Return C, 1 without ties and 0 when everything ties.

    Notes
    -----
    The ranks of a dataset sum their squares to k(k+1)(2k+1)/6 less (t^3 - t)/12 for each group of t ties. O(N k).
    """
    n, k = ranks.shape
    lost = n * k * (k + 1) * (2 * k + 1) / 6 - float(np.sum(ranks**2))
    factor = 1 - 12 * lost / (n * k * (k**2 - 1))
    return factor if factor > 1e-12 else 0.0
