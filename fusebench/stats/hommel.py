"""Hommel's adjustment."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fusebench.stats._arrays import Floats, finite


def hommel(p: ArrayLike) -> Floats:
    r"""Adjust p-values by Hommel's procedure.

    Parameters
    ----------
    p : array-like of shape (n_tests,)

    Notes
    -----
    The closed test that uses Simes' inequality on every subset, in Wright's form: for each subset size j the Simes
    value of the j largest, :math:`\min_i j p_{(m-j+i)} / i`, bounds the smaller ones from below. O(m^2).

    References
    ----------
    .. [1] G. Hommel, A stagewise rejective multiple test procedure based on a modified Bonferroni test, Biometrika
       75, 1988.
    .. [2] S. P. Wright, Adjusted p-values for simultaneous inference, Biometrics 48, 1992.
    """
    values = finite(p, "p")
    m = len(values)
    order = np.argsort(values)
    ordered = values[order]
    best = ordered.copy()
    for j in range(m, 1, -1):
        tail = slice(m - j + 1, m)
        simes = float(np.min(j * ordered[tail] / np.arange(2, j + 1)))
        best[tail] = np.maximum(best[tail], simes)
        head = slice(0, m - j + 1)
        best[head] = np.maximum(best[head], np.minimum(simes, j * ordered[head]))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(best, 1.0)
    return adjusted
