"""The references that every run shows: what fusion has to beat, and what it can at most reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions.base import Context, Floats, Fusion


@dataclass(kw_only=True)
class BestSingle(Fusion):
    """Choose the member that scores best on its pooled out-of-fold predictions.

    Notes
    -----
    O(n_members * n_samples). Ties: the first in spec order.
    """

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Score every member out of fold by the ranking metric and keep the best."""
        scores = [
            context.score(y, context.labels[:, m], P[:, m] if context.is_classification else None)
            for m in range(P.shape[1])
        ]
        self.chosen_ = int(np.argmax(scores))
        self.member_ = context.members[self.chosen_]
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return the chosen member's probabilities."""
        return P[:, self.chosen_]

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return the chosen member's own labels or values."""
        return context.labels[:, self.chosen_]

    def used(self, n_members: int) -> tuple[int, ...]:
        """Return the chosen member; see `Fusion.used`."""
        return (self.chosen_,)

    def explain(self) -> dict[str, Any]:
        """Name the chosen member."""
        return {"chosen": self.member_, "members_used": 1}


@dataclass(kw_only=True)
class UniformAverage(Fusion):
    """Average the members with equal weights.

    Notes
    -----
    p(c) = sum_m p_m(c) / n_members. O(n_members * n_samples * n_classes).
    """

    learns = False

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Learn nothing."""
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return the mean of the members' probabilities."""
        return np.asarray(P.mean(axis=1, dtype=np.float64))

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return the most probable class, or the mean of the members' values."""
        if context.is_classification:
            return super().predict(P, context)
        return np.asarray(P.mean(axis=1, dtype=np.float64))


def oracle(P: Floats, labels: NDArray[Any], y: NDArray[Any], *, classification: bool) -> tuple[Floats, NDArray[Any]]:
    """Return, per row, the prediction of the member that is closest to the truth.

    An upper bound that looks at the answers: the member with the highest probability of the true class
    (whose label is right where any member's is), or the one with the smallest error.

    Parameters
    ----------
    P : ndarray of shape (n_samples, n_members, n_classes) or (n_samples, n_members)
    labels : ndarray of shape (n_samples, n_members)
    y : ndarray of shape (n_samples,)
    classification : bool

    Returns
    -------
    ndarray of shape (n_samples, n_classes) or (n_samples,)
        Probabilities or values.
    ndarray of shape (n_samples,)
        Labels or values.
    """
    rows = np.arange(len(y))
    if not classification:
        chosen = np.abs(P - y[:, None]).argmin(axis=1)
        return P[rows, chosen], P[rows, chosen]
    chosen = P[rows, :, y].argmax(axis=1)
    own = labels[rows, chosen]
    right = (labels == y[:, None]).any(axis=1)
    return P[rows, chosen], np.where(right, y, own)


REFERENCES: dict[str, type[Fusion]] = {"best_single": BestSingle, "uniform_average": UniformAverage}
