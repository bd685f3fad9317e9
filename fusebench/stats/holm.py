"""Holm's step-down adjustment."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fusebench.stats._arrays import Floats


def holm(p: ArrayLike) -> Floats:
    r"""Adjust p-values so that the family-wise error holds under any dependence.

    Parameters
    ----------
    p : array-like of shape (n_tests,) or (n_families, n_tests)
        NaN marks a test that could not be made: it stays NaN, and still counts as a member of the family.

    Returns
    -------
    ndarray of the same shape

    Notes
    -----
    :math:`\tilde p_{(i)} = \max_{j \le i} \min(1, (m - j + 1) p_{(j)})`. O(m log m) a family.

    References
    ----------
    .. [1] S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    values = np.asarray(p, dtype=np.float64)
    m = values.shape[-1]
    order = np.argsort(values, axis=-1)  # NaN sorts last
    stepped = np.take_along_axis(values, order, axis=-1) * np.arange(m, 0, -1)
    stepped = np.maximum.accumulate(np.minimum(stepped, 1.0), axis=-1)
    adjusted = np.empty_like(values)
    np.put_along_axis(adjusted, order, stepped, axis=-1)
    return np.where(np.isnan(values), np.nan, adjusted)
