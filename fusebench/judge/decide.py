"""The rule of the gate, over many rows at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from fusebench import stats

Floats = NDArray[np.float64]
ZERO = 1e-12
CAUTION = 5


class Decision(NamedTuple):
    """Arrays over everything checked."""

    p_drop: Floats
    p_holm: Floats
    worse: Floats
    equivalent: Floats
    better: Floats
    failed: NDArray[np.bool_]


def decide(
    mean: Floats, se: Floats, df: Floats, margin: Floats, *, alpha: float, conservative: bool = False
) -> Decision:
    r"""Return which of many rows fail; those with a NaN margin never do.

    Parameters
    ----------
    mean, se, df, margin : ndarray of shape (n_rows,) or (n_families, n_rows)
        `se` is 0 where the difference is constant: then the margin alone decides.

    Notes
    -----
    With p :math:`= T_{df}(\bar d / SE)` after Holm over the rows, a row fails when :math:`\bar d < -margin` and p <
    `alpha`. When `conservative`, :math:`T_{df}((\bar d + margin) / SE)` after Holm must be below `alpha` as well,
    that is, a drop beyond the margin is shown, and p below `alpha` / 5: where folds are so noisy that the margin is
    small beside SE, the first condition alone would cry wolf as often as the default rule. O(n log n).
    """
    known = np.isfinite(margin)
    edge = np.where(known, margin, 0.0)
    p_drop = _lower_tail(mean, se, df)
    p_holm = stats.holm(np.where(known, p_drop, np.nan))
    failed = known & (mean < -edge - ZERO) & (p_holm < (alpha / CAUTION if conservative else alpha))
    if conservative:
        failed &= stats.holm(np.where(known, _lower_tail(mean + edge, se, df), np.nan)) < alpha
    worse, equivalent, better = (np.where(known, one, np.nan) for one in stats.posterior(mean, se, df, edge))
    return Decision(p_drop, p_holm, worse, equivalent, better, failed)


def _lower_tail(mean: Floats, se: Floats, df: Floats) -> Floats:
    """Return the p of a fall; without variance it is 0 for a fall and 1 otherwise."""
    varies = se > 0
    tail: Floats = stdtr(df, mean / np.where(varies, se, 1.0))
    return np.where(varies, tail, np.where(mean < -ZERO, 0.0, 1.0))
