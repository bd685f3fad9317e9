"""Two sets of fold scores that cannot be paired."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fusebench.stats._arrays import finite


class WelchT(NamedTuple):
    """Difference of means, its standard error and degrees of freedom."""

    mean: float
    se: float
    df: float


def welch_t(a: ArrayLike, b: ArrayLike, ratio_a: float, ratio_b: float) -> WelchT:
    r"""Compare the mean of a with that of b on corrected variances.

    Parameters
    ----------
    a, b : array-like of shape (n_folds,)
        Scores on other folds of the same data.
    ratio_a, ratio_b : float
        Test rows over training rows.

    Raises
    ------
    ValueError
        If a side has fewer than two folds or a score that is not finite.

    Notes
    -----
    :math:`v = s^2 (1/n + c)` on each side, :math:`SE = \sqrt{v_1 + v_2}`,
    :math:`df = (v_1 + v_2)^2 / (v_1^2 / (n_1 - 1) + v_2^2 / (n_2 - 1))`. Less sensitive than a paired test. O(n_folds).

    References
    ----------
    .. [1] B. L. Welch, The generalization of Student's problem when several different population variances are
       involved, Biometrika 34, 1947.
    """
    sides = [(finite(a, "a"), ratio_a), (finite(b, "b"), ratio_b)]
    for scores, _ in sides:
        if len(scores) < 2:
            raise ValueError(f"a t-test needs at least 2 folds, got {len(scores)}")
    v = [float(scores.var(ddof=1) * (1 / len(scores) + ratio)) for scores, ratio in sides]
    dfs = [len(scores) - 1 for scores, _ in sides]
    spread = sum(one**2 / df for one, df in zip(v, dfs, strict=True))
    df = sum(v) ** 2 / spread if spread > 0 else float(sum(dfs))
    return WelchT(float(sides[0][0].mean() - sides[1][0].mean()), float(np.sqrt(sum(v))), df)
