"""Corrected t-tests of several fixed datasets, pooled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fusebench.stats._arrays import finite


class PooledT(NamedTuple):
    """Mean over datasets, its standard error and degrees of freedom."""

    mean: float
    se: float
    df: float


def pooled_t(means: ArrayLike, ses: ArrayLike, dfs: ArrayLike) -> PooledT:
    r"""Pool the mean differences of a fixed set of datasets.

    Parameters
    ----------
    means, ses, dfs : array-like of shape (n_datasets,)
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
    variance = float(np.sum(se**2))
    spread = float(np.sum(se**4 / df))
    return PooledT(
        float(mean.mean()),
        float(np.sqrt(variance) / len(mean)),
        variance**2 / spread if spread > 0 else float(df.sum()),
    )
