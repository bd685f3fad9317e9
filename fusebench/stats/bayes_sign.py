"""The Bayesian sign test over datasets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fusebench.stats._arrays import Floats, finite, rounded

# A Dirichlet needs positive parameters where no dataset fell.
TINY = 1e-4


class Probabilities(NamedTuple):
    """Probabilities that a is worse, practically equivalent, better on most datasets."""

    worse: float
    equivalent: float
    better: float


def bayes_sign(
    differences: ArrayLike, margin: float, *, prior: float = 1.0, n_draws: int = 50_000, random_state: int = 0
) -> Probabilities:
    """Estimate on which side of the margin most datasets lie.

    Parameters
    ----------
    differences : array-like of shape (n_datasets,)
        Score of a minus score of b.
    margin : float
        Half the width of the region of practical equivalence, >= 0.
    prior : float, default=1.0
        Pseudo-datasets within the margin.
    n_draws : int, default=50000
        Draws from the posterior.
    random_state : int, default=0

    Notes
    -----
    Shares of worse, equivalent and better datasets have a Dirichlet posterior; a probability is the share of draws in
    which that share is the largest. Not adjusted for the number of comparisons. O(n_datasets + n_draws).

    References
    ----------
    .. [1] A. Benavoli, G. Corani, J. Demšar and M. Zaffalon, Time for a change: a tutorial for comparing multiple
       classifiers through Bayesian analysis, JMLR 18, 2017, section 4.2.
    """
    d = rounded(finite(differences, "differences"))
    counts = np.array([(d < -margin).sum(), (np.abs(d) <= margin).sum(), (d > margin).sum()], dtype=np.float64)
    draws = np.random.default_rng(random_state).dirichlet(counts + TINY + np.array([0.0, prior, 0.0]), n_draws)
    return shares(draws.T)


def shares(masses: Floats) -> Probabilities:
    """Return how often each of three rows is the largest; ties go to the first.

    Parameters
    ----------
    masses : ndarray of shape (3, n_draws)
        Worse, equivalent, better.
    """
    worse, equivalent, better = masses
    n_draws = len(worse)
    n_worse = np.count_nonzero((worse >= equivalent) & (worse >= better))
    n_better = np.count_nonzero((better > worse) & (better > equivalent))
    return Probabilities(n_worse / n_draws, (n_draws - n_worse - n_better) / n_draws, n_better / n_draws)
