"""Hochberg's step-up adjustment."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fusebench.stats._arrays import Floats, finite


def hochberg(p: ArrayLike) -> Floats:
    r"""Adjust p-values by Hochberg's step-up procedure.

    Parameters
    ----------
    p : array-like of shape (n_tests,)

    Notes
    -----
    :math:`\tilde p_{(i)} = \min_{j \ge i} (m - j + 1) p_{(j)}`. Needs independent or positively dependent tests. O(m
    log m).

    References
    ----------
    .. [1] Y. Hochberg, A sharper Bonferroni procedure for multiple tests of significance, Biometrika 75, 1988.
    """
    values = finite(p, "p")
    order = np.argsort(values)[::-1]
    stepped = np.minimum.accumulate(values[order] * np.arange(1, len(values) + 1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
