"""Rank averaging: members that agree on the order but not on the scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions._meta_features import mid_ranks
from fusebench.fusions._rules import average, check_weights, normalise, weight_shares
from fusebench.fusions.base import Context, Floats, Fusion


@dataclass(kw_only=True)
class RankAveraging(Fusion):
    """Average the ranks of the predictions and read the mean rank on the members' average scale.

    Parameters
    ----------
    weights : list of float, optional
        One per member, at least 0, not all 0; equal ones by default.

    Notes
    -----
    A rank is the share of the member's out-of-fold predictions that are smaller, equal ones counting half; a new row is
    ranked among those, so that its prediction does not depend on the rows predicted with it. The mean rank
    becomes a probability or value through the mean of the members' sorted out-of-fold predictions (quantile
    normalisation): calibration differs between members, their order counts. Two classes: the second class's
    probabilities are ranked; more: each class's, then rows are scaled to sum 1. O(n_members * n_classes * n_samples *
    log n_samples).

    References
    ----------
    .. [1] B. M. Bolstad et al., A comparison of normalization methods for high density oligonucleotide array data based
       on variance and bias, Bioinformatics 19(2), 2003 (quantile normalisation).
    """

    weights: tuple[float, ...] | None = None

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the weights."""
        return check_weights(self.weights, members)

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Keep the sorted out-of-fold predictions."""
        self.sorted_ = np.sort(_ranked(P).astype(np.float64), axis=0)
        self.scale_ = average(self.sorted_, self.weights)
        self.members_ = context.members
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return probabilities, shape (n_samples, n_classes)."""
        scores = self._scores(P)
        if context.n_classes == 2:
            return np.column_stack([1 - scores[:, 0], scores[:, 0]])
        return normalise(scores, otherwise=P)

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return class codes or values, shape (n_samples,)."""
        return super().predict(P, context) if context.is_classification else self._scores(P)

    def _scores(self, P: Floats) -> Floats:
        """Return mean ranks on the common scale, shape (n_samples,) or (n_samples, n_columns)."""
        ranks = average(mid_ranks(self.sorted_, _ranked(P).astype(np.float64)), self.weights)
        # The i-th of n sorted values is where the mid rank (i + 1/2) / n lies.
        positions = (np.arange(len(self.sorted_)) + 0.5) / len(self.sorted_)
        scores = np.empty_like(ranks)
        for column in np.ndindex(ranks.shape[1:]):
            scores[:, *column] = np.interp(ranks[:, *column], positions, self.scale_[:, *column])
        return scores

    def explain(self) -> dict[str, Any]:
        """Return the weights, as shares."""
        return {
            "weights": weight_shares(self.weights, len(self.members_)),
            "members_used": list(self.members_),
        }


def _ranked(P: Floats) -> Floats:
    """Return what is ranked: of two classes the second."""
    return P[:, :, 1:] if P.ndim == 3 and P.shape[2] == 2 else P
