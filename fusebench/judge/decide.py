"""The rule of the gate, over many rows at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from fusebench import stats

Floats = NDArray[np.float64]
ZERO = 1e-12


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
    A row fails when :math:`\bar d < -margin` and its p is below `alpha` after Holm over the rows. p is
    :math:`T_{df}(\bar d / SE)`, and :math:`T_{df}((\bar d + margin) / SE)` when `conservative`. O(n log n).
    """
    known = np.isfinite(margin)
    edge = np.where(known, margin, 0.0)
    p_drop = _lower_tail(mean, se, df)
    tested = _lower_tail(mean + edge, se, df) if conservative else p_drop
    p_holm = stats.holm(np.where(known, tested, np.nan))
    worse, equivalent, better = (np.where(known, one, np.nan) for one in stats.posterior(mean, se, df, edge))
    failed = known & (mean < -edge - ZERO) & (p_holm < alpha)
    return Decision(p_drop, p_holm, worse, equivalent, better, failed)


def _lower_tail(mean: Floats, se: Floats, df: Floats) -> Floats:
    """Return the p of a fall; without variance it is 0 for a fall and 1 otherwise."""
    varies = se > 0
    tail: Floats = stdtr(df, mean / np.where(varies, se, 1.0))
    return np.where(varies, tail, np.where(mean < -ZERO, 0.0, 1.0))
