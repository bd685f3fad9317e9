"""Percentile bootstrap over datasets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fusebench.stats._arrays import Floats, finite


class Interval(NamedTuple):
    """Lower and upper ends, each of the shape of one dataset's values."""

    low: Floats
    high: Floats


def bootstrap_means(
    values: ArrayLike, *, level: float = 0.95, n_resamples: int = 5000, random_state: int = 0
) -> Interval:
    """Return the percentile interval of means over datasets.

    Parameters
    ----------
    values : array-like of shape (n_datasets, n_columns)
        Mean scores, ranks or differences of each dataset.
    level : float, default=0.95
    n_resamples : int, default=5000
    random_state : int, default=0

    Raises
    ------
    ValueError
        If a value is not finite.

    Notes
    -----
    Datasets are drawn with replacement, the same draws for every column. The percentile interval stays defined on
    constant data, where bias-corrected ones do not. O(n_resamples * n_datasets * n_columns), columns in blocks to
    bound memory.

    References
    ----------
    .. [1] B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7, 1979.
    """
    table = finite(values, "values")
    n, columns = table.shape
    rng = np.random.default_rng(random_state)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples) / n
    ends = np.empty((2, columns))
    for start in range(0, columns, 500):
        block = slice(start, start + 500)
        ends[:, block] = np.quantile(weights @ table[:, block], [(1 - level) / 2, (1 + level) / 2], axis=0)
    # Sums of rounded weights may leave a constant column by one unit in the last place.
    return Interval(np.maximum(ends[0], table.min(axis=0)), np.minimum(ends[1], table.max(axis=0)))
