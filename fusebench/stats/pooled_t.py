"""Corrected t-tests of several fixed datasets, pooled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fusebench.stats._arrays import Floats, finite


class PooledT(NamedTuple):
    """Mean over datasets, its standard error and degrees of freedom; 0-d or one value for each suite."""

    mean: Floats
    se: Floats
    df: Floats


def pooled_t(means: ArrayLike, ses: ArrayLike, dfs: ArrayLike) -> PooledT:
    r"""Pool the mean differences of a fixed set of datasets.

    Parameters
    ----------
    means, ses, dfs : array-like of shape (n_datasets,) or (n_suites, n_datasets)
        Of `corrected_t` on each dataset.

    Notes
    -----
    :math:`SE = \sqrt{\sum se_j^2} / D` and the degrees of freedom of Welch and Satterthwaite,
    :math:`(\sum se_j^2)^2 / \sum (se_j^4 / df_j)`. The datasets are taken as fixed: the claim is about this suite
    alone. With no variance anywhere the degrees of freedom are those of all datasets together. O(n_datasets).

    References
    ----------
    .. [1] F. E. Satterthwaite, An approximate distribution of estimates of variance components, Biometrics 2, 1946.
    """
    mean, se, df = (finite(one, name) for one, name in ((means, "means"), (ses, "ses"), (dfs, "dfs")))
    variance, spread = (se**2).sum(axis=-1), (se**4 / df).sum(axis=-1)
    return PooledT(
        mean.mean(axis=-1),
        np.sqrt(variance) / mean.shape[-1],
        np.where(spread > 0, variance**2 / np.where(spread > 0, spread, 1.0), df.sum(axis=-1)),
    )
