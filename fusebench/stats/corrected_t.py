"""The corrected resampled t-test over the folds of one dataset, and its Bayesian reading."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from fusebench.stats._arrays import ZERO, Floats, finite


class CorrectedT(NamedTuple):
    """The outcome for one or many columns of differences; every field has the shape of one fold.

    Attributes
    ----------
    mean, se : ndarray
        Mean difference and its corrected standard error; `se` is 0 where the difference does not vary.
    df : int
        Degrees of freedom, n_folds - 1.
    t, p : ndarray
        Statistic and two-sided p; NaN where the difference does not vary.
    low, high : ndarray
        95% interval of the mean.
    constant, identical : ndarray of bool
        The difference is the same on every fold; it is zero on every fold.
    """

    mean: Floats
    se: Floats
    df: int
    t: Floats
    p: Floats
    low: Floats
    high: Floats
    constant: NDArray[np.bool_]
    identical: NDArray[np.bool_]


class Posterior(NamedTuple):
    """Probabilities that a is worse than b by more than the margin, within it, better by more than it."""

    worse: Floats
    equivalent: Floats
    better: Floats


def corrected_t(differences: ArrayLike, test_train_ratio: float) -> CorrectedT:
    r"""Test whether mean differences over cross-validation folds are zero.

    Parameters
    ----------
    differences : array-like of shape (n_folds,) or (n_folds, n_pairs)
        Score of a minus score of b on the same fold.
    test_train_ratio : float
        Test rows over training rows: 1 / (k - 1) for k folds.

    Raises
    ------
    ValueError
        If there are fewer than two folds, a difference is not finite, or the ratio is not positive.

    Notes
    -----
    :math:`t = \bar d / \sqrt{s^2 (1/n + n_{test}/n_{train})}` with n - 1 degrees of freedom: folds share training
    rows, so that the plain variance of the mean is too small. A difference whose standard deviation is at most
    ``1e-12 * max(1, max|d|)`` counts as constant: then there is no t and no p. O(n_folds * n_pairs). The same numbers
    applied to the scores of one model give the interval of its mean.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, Inference for the generalization error, Machine Learning 52, 2003.
    .. [2] R. Bouckaert and E. Frank, Evaluating the replicability of significance tests for comparing learning
       algorithms, PAKDD 2004.
    """
    d = finite(differences, "differences")
    n = d.shape[0]
    if n < 2:
        raise ValueError(f"a t-test needs at least 2 folds, got {n}")
    if not test_train_ratio > 0:
        raise ValueError(f"test_train_ratio must be > 0, got {test_train_ratio}")
    mean = d.mean(axis=0)
    sd = d.std(axis=0, ddof=1)
    largest = np.abs(d).max(axis=0)
    constant = sd <= ZERO * np.maximum(1.0, largest)
    se = np.where(constant, 0.0, sd * np.sqrt(1 / n + test_train_ratio))
    t = np.divide(mean, se, out=np.full_like(mean, np.nan), where=~constant)
    half = stdtrit(n - 1, 0.975) * se
    p = 2 * stdtr(n - 1, -np.abs(t))
    return CorrectedT(mean, se, n - 1, t, p, mean - half, mean + half, constant, largest <= ZERO)


def posterior(mean: ArrayLike, se: ArrayLike, df: ArrayLike, margin: ArrayLike) -> Posterior:
    r"""Read a corrected t as the posterior of the mean difference.

    Parameters
    ----------
    mean, se, df : array-like
        Of `corrected_t`, or of several datasets pooled; broadcast against each other.
    margin : array-like
        Half the width of the region of practical equivalence, >= 0, in units of the score.

    Notes
    -----
    The posterior of the Bayesian correlated t-test is Student's t with location `mean`, scale `se` and `df` degrees of
    freedom. Without variance the mean decides by itself. O(1) a pair.

    References
    ----------
    .. [1] G. Corani and A. Benavoli, A Bayesian approach for comparing cross-validated algorithms on multiple data
       sets, Machine Learning 100, 2015.
    """
    mean, se, df = np.broadcast_arrays(*(np.asarray(one, dtype=np.float64) for one in (mean, se, df)))
    varies = se > 0
    safe = np.where(varies, se, 1.0)
    margin = np.asarray(margin, dtype=np.float64)
    edge = margin + ZERO
    worse = np.where(varies, stdtr(df, (-margin - mean) / safe), mean < -edge)
    better = np.where(varies, stdtr(df, (mean - margin) / safe), mean > edge)
    return Posterior(worse, np.clip(1 - worse - better, 0.0, 1.0), better)
