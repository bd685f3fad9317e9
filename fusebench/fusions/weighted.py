"""Weighted: an average whose weights are given, or learned by a closed rule or a convex problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions._rules import EPSILON, check_weights
from fusebench.fusions._solve import log_score_weights, nnls_weights, pseudo_bma_plus_weights
from fusebench.fusions._weights import LinearPool
from fusebench.fusions.base import Context, Floats

Rule = Literal["accuracy", "inverse_error", "log_loss", "nnls", "pseudo_bma_plus"]


@dataclass(kw_only=True)
class Weighted(LinearPool):
    """Average with weights that the out-of-fold predictions suggest.

    Parameters
    ----------
    weights : str or list of float, default="log_loss"
        A list, one per member, at least 0, not all 0; or one of

        * ``accuracy``: proportional to the accuracy; for regression to the R2, at least 0;
        * ``inverse_error``: to one over the error rate; for regression over the mean squared error;
        * ``log_loss``: the convex combination of predictive distributions with the smallest log loss;
        * ``nnls``: non-negative least squares on class indicators or values, scaled to sum 1 (super learner);
        * ``pseudo_bma_plus``: the softmax of total log densities, averaged over the Bayesian bootstrap.

    Notes
    -----
    Probabilities below 2.2e-16 count as that in logarithms. For regression, ``log_loss`` and ``pseudo_bma_plus`` take
    each member's prediction as the mean of a Gaussian with its own out-of-fold residual variance; members whose
    error is 0 share all the weight of ``inverse_error``. ``log_loss`` is solved by Newton steps to a gap of 1e-9 nats
    per sample, O(n_samples * n_members^2) per step.

    References
    ----------
    .. [1] Y. Yao et al., Using stacking to average Bayesian predictive distributions, Bayesian Analysis 13(3), 2018.
    .. [2] M. J. van der Laan, E. C. Polley, A. E. Hubbard, Super learner, Statistical Applications in Genetics and
       Molecular Biology 6(1), 2007.
    """

    weights: Rule | tuple[float, ...] = "log_loss"

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with a list of weights."""
        return [] if isinstance(self.weights, str) else check_weights(self.weights, members)

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Learn the weights from out-of-fold predictions."""
        if not isinstance(self.weights, str):
            weights: Floats = np.asarray(self.weights, dtype=np.float64)
        elif self.weights == "accuracy":
            weights = _skill(P, y, context)
        elif self.weights == "inverse_error":
            weights = _inverse(_errors(y, context))
        elif self.weights == "nnls":
            weights = nnls_weights(*_least_squares(P, y))
        else:
            logs = _log_densities(P, y)
            if self.weights == "log_loss":
                weights = log_score_weights(np.exp(logs - logs.max(axis=1, keepdims=True)))
            else:
                weights = pseudo_bma_plus_weights(logs, context.random_state)
        return self._keep(weights / weights.sum(), context)


def _errors(y: NDArray[Any], context: Context) -> Floats:
    """Return each member's error rate, or mean squared error."""
    if context.is_classification:
        return np.asarray((context.labels != y[:, None]).mean(axis=0))
    return np.asarray(((context.labels - y[:, None]) ** 2).mean(axis=0))


def _skill(P: Floats, y: NDArray[Any], context: Context) -> Floats:
    """Return accuracies or positive R2, all 1 where no member has any."""
    errors = _errors(y, context)
    if context.is_classification:
        skill = 1 - errors
    else:
        spread = float(y.var())
        skill = np.maximum(0, 1 - errors / spread) if spread > 0 else np.zeros(P.shape[1])
    return skill if skill.any() else np.ones(P.shape[1])


def _inverse(errors: Floats) -> Floats:
    perfect = errors == 0
    return np.asarray(perfect.astype(np.float64) if perfect.any() else errors.min() / errors)


def _least_squares(P: Floats, y: NDArray[Any]) -> tuple[Floats, Floats]:
    """Return the columns and the target of the regression: one row per sample, or per sample and class."""
    if P.ndim == 2:
        return P, y
    indicators = np.eye(P.shape[2])[y.astype(np.intp)]
    if P.shape[2] == 2:
        return P[:, :, 1], indicators[:, 1]
    return P.transpose(0, 2, 1).reshape(-1, P.shape[1]), indicators.reshape(-1)


def _log_densities(P: Floats, y: NDArray[Any]) -> Floats:
    """Return the log predictive density of each target by each member, shape (n_samples, n_members)."""
    if P.ndim == 3:
        true = P[np.arange(len(y)), :, y.astype(np.intp)].astype(np.float64)
        return np.asarray(np.log(np.maximum(true, EPSILON)))
    residuals = np.asarray(y, dtype=np.float64)[:, None] - P
    variances = (residuals**2).mean(axis=0)
    # A perfect member has density without bound: its variance is held at the rounding of the target.
    variances = np.maximum(variances, max(float(np.var(y)), 1.0) * EPSILON)
    return np.asarray(-0.5 * (np.log(2 * np.pi * variances) + residuals**2 / variances))
