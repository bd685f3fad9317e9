"""A weighted average whose weights were learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions._rules import normalise
from fusebench.fusions.base import Context, Floats, Fusion


@dataclass(kw_only=True)
class LinearPool(Fusion):
    """Base of strategies that learn one weight per member, at least 0, and average with them."""

    def _keep(self, weights: NDArray[Any], context: Context) -> Self:
        """Keep weights that sum to 1."""
        self.weights_: NDArray[Any] = weights
        self.members_ = context.members
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return the weighted mean of the probabilities, shape (n_samples, n_classes)."""
        return normalise(pool(P, self.weights_))

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return class codes or values, shape (n_samples,)."""
        if context.is_classification:
            return super().predict(P, context)
        return pool(P, self.weights_)

    def used(self, n_members: int) -> tuple[int, ...]:
        """Return the members of positive weight; see `Fusion.used`."""
        return tuple(int(at) for at in np.flatnonzero(self.weights_))

    def explain(self) -> dict[str, Any]:
        """Return the weights, and the members whose weight is not 0."""
        return {
            "weights": [float(weight) for weight in self.weights_],
            "members_used": [member for member, weight in zip(self.members_, self.weights_, strict=True) if weight > 0],
        }


def pool(P: Floats, weights: NDArray[Any]) -> Floats:
    """Return the sum of weight times prediction over the members of positive weight, in double precision."""
    total = np.zeros((P.shape[0], *P.shape[2:]))
    for member in np.flatnonzero(weights):
        total += weights[member] * P[:, member]
    return total
