"""Comparisons of mean ranks against one control: a picture, not a decision."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from fusebench.stats._arrays import Floats, finite


class AgainstControl(NamedTuple):
    """z of every model against the control, and its two-sided p, unadjusted; NaN for the control."""

    z: Floats
    p: Floats


def bonferroni_dunn(n_models: int, n_datasets: int, alpha: float = 0.05) -> float:
    r"""Return the critical difference of mean ranks against one control named in advance.

    Notes
    -----
    :math:`CD = z_{1 - \alpha / (2(k-1))} \sqrt{k(k+1)/(6N)}`. Depends on the pool of models. O(1).

    References
    ----------
    .. [1] O. J. Dunn, Multiple comparisons among means, JASA 56, 1961.
    .. [2] J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006, section 3.2.2.
    """
    return float(ndtri(1 - alpha / (2 * (n_models - 1)))) * _scale(n_models, n_datasets)


def against_control(mean_ranks: ArrayLike, n_datasets: int, control: int) -> AgainstControl:
    """Return z and p of the difference in mean rank from the control, positive where a model ranks better.

    Parameters
    ----------
    mean_ranks : array-like of shape (n_models,)
    control : int
        Index of the control.
    """
    means = finite(mean_ranks, "mean_ranks")
    z = (means[control] - means) / _scale(len(means), n_datasets)
    z[control] = np.nan
    return AgainstControl(z, 2 * ndtr(-np.abs(z)))


def _scale(n_models: int, n_datasets: int) -> float:
    return math.sqrt(n_models * (n_models + 1) / (6 * n_datasets))
