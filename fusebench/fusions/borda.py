"""Borda count: members rank the classes, ranks make points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions._rules import check_weights, normalise, weight_shares
from fusebench.fusions.base import Context, Floats, Fusion


@dataclass(kw_only=True)
class Borda(Fusion):
    """Give each class as many points as there are classes that a member finds less probable, and add the points.

    Parameters
    ----------
    weights : list of float, optional
        One per member, at least 0, not all 0; equal ones by default.

    Notes
    -----
    Classes that are equally probable to a member share their points. The probabilities are shares of all points, the
    prediction is the class with the most, the first of equals. Classification only.
    O(n_samples * n_members * n_classes^2).

    References
    ----------
    .. [1] T. K. Ho, J. J. Hull, S. N. Srihari, Decision combination in multiple classifier systems, IEEE TPAMI
       16(1), 1994.
    """

    target_types: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    learns: ClassVar[bool] = False

    weights: tuple[float, ...] | None = None

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the weights."""
        return check_weights(self.weights, members)

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Learn nothing; note the members."""
        self.members_ = context.members
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return shares of the points, shape (n_samples, n_classes)."""
        points = np.zeros((P.shape[0], P.shape[2]))
        for member in range(P.shape[1]):
            own = np.zeros_like(points)
            for other in range(P.shape[2]):
                rival = P[:, member, [other]]
                own += (P[:, member] > rival) + 0.5 * (P[:, member] == rival)
            # Each class was compared with itself too.
            points += (own - 0.5) * (1.0 if self.weights is None else self.weights[member])
        return normalise(points)

    def explain(self) -> dict[str, Any]:
        """Return the weights, as shares."""
        return {
            "weights": weight_shares(self.weights, len(self.members_)),
            "members_used": list(self.members_),
        }
