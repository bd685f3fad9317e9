"""Wilcoxon's signed-rank test with its exact distribution."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fusebench.stats._arrays import Floats, average_ranks, finite, rounded


class Wilcoxon(NamedTuple):
    """Rank sums (zeros split between both), the number of zeros, and the two-sided exact p."""

    r_plus: float
    r_minus: float
    n_zero: int
    p: float


def wilcoxon(differences: ArrayLike) -> Wilcoxon:
    """Test whether differences over datasets are symmetric around zero.

    Parameters
    ----------
    differences : array-like of shape (n_datasets,)
        Rounded to 12 decimals before ties and zeros are sought.

    Raises
    ------
    ValueError
        If there are no differences or one is not finite.

    Notes
    -----
    p is the share of all sign flips of the observed ranks that are at least as extreme, for any number of datasets,
    with ties and zeros. Zeros keep their ranks and cannot flip, so that Pratt's treatment and splitting them agree. A
    dynamic programme over doubled ranks, O(n^3) once per pattern of ties.

    References
    ----------
    .. [1] F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1, 1945.
    .. [2] J. W. Pratt, Remarks on zeros and ties in the Wilcoxon signed rank procedures, JASA 54, 1959.
    .. [3] A. Benavoli, G. Corani and F. Mangili, Should we really use post-hoc tests based on mean-ranks?, JMLR 17,
       2016.
    """
    d = rounded(finite(differences, "differences"))
    if d.ndim != 1 or d.size == 0:
        raise ValueError(f"the signed-rank test needs a non-empty list of differences, got shape {d.shape}")
    doubled = np.rint(2 * average_ranks(np.abs(d))).astype(np.int64)
    plus, minus = int(doubled[d > 0].sum()), int(doubled[d < 0].sum())
    zeros = int(doubled[d == 0].sum())
    tail = _cumulative(tuple(sorted(doubled[d != 0].tolist())))
    p = min(1.0, 2 * float(tail[min(plus, minus)]))
    return Wilcoxon((plus + zeros / 2) / 2, (minus + zeros / 2) / 2, int((d == 0).sum()), p)


def smallest_p(n_datasets: int) -> float:
    """Return the smallest two-sided p that so many datasets can give, 2 / 2^n."""
    return min(1.0, 2.0 ** (1 - n_datasets))


@lru_cache(maxsize=128)
def _cumulative(doubled_ranks: tuple[int, ...]) -> Floats:
    """Return P(W <= w) for w = 0, 1, ... where each doubled rank counts or not with equal chance."""
    mass = np.zeros(sum(doubled_ranks) + 1)
    mass[0] = 1.0
    top = 0
    for rank in doubled_ranks:
        shifted = mass[: top + 1] * 0.5
        mass[: top + 1] = shifted
        mass[rank : rank + top + 1] += shifted
        top += rank
    return np.cumsum(mass)
