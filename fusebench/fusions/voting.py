"""Voting: each member has a vote, or its probabilities count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.fusions._rules import (
    Method,
    check_method,
    check_weights,
    combine,
    normalise,
    vote_totals,
    weight_shares,
)
from fusebench.fusions.base import Context, Floats, Fusion


@dataclass(kw_only=True)
class Voting(Fusion):
    """Take the class with the most votes, or the highest mean probability; for regression the mean.

    Parameters
    ----------
    voting : {"hard", "soft"}, default="hard"
        ``hard`` counts the members' own labels, ``soft`` averages their probabilities. Without a meaning for
        regression. The default is that of scikit-learn's ``VotingClassifier``.
    weights : list of float, optional
        One per member, at least 0, not all 0; equal ones by default.
    method : str, default="mean"
        How ``soft`` combines probabilities (and regression values): ``mean``, ``median``, ``geometric``, ``log_pool``,
        ``product``, ``max``, ``min`` or ``trimmed``, as in ``averaging``.
    trim : float, default=0.2
        Share of the members that ``trimmed`` drops at either end.

    Notes
    -----
    Equal to scikit-learn's ``VotingClassifier`` and ``VotingRegressor``. Ties of votes go to the smallest class
    code, the first in sorted order. The probabilities of hard voting are its (weighted) vote shares. A member
    that abstains has no vote; where all do, every class has an equal share.
    O(n_samples * n_members).

    References
    ----------
    .. [1] J. Kittler et al., On combining classifiers, IEEE TPAMI 20(3), 1998.
    """

    learns: ClassVar[bool] = False

    voting: Literal["hard", "soft"] = "hard"
    weights: tuple[float, ...] | None = None
    method: Method = "mean"
    trim: Annotated[float, Field(ge=0, lt=0.5)] = 0.2

    @property
    def needs_proba(self) -> bool:  # type: ignore[override]  # the base allows a property in place of its constant
        """Whether probabilities are read: not by hard voting."""
        return self.voting == "soft"

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the weights and the method."""
        found = check_weights(self.weights, members)
        if self.voting == "hard" and self.method != "mean" and target_types != {"continuous"}:
            found.append(f"method: '{self.method}' combines probabilities; it needs voting: soft")
        return found + check_method(self.method, self.weights, target_types)

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Learn nothing; note the members."""
        self.members_ = context.members
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return vote shares or combined probabilities, shape (n_samples, n_classes)."""
        if self.voting == "soft":
            return combine(P, self.method, self.weights, self.trim)
        totals = vote_totals(context.labels, context.n_classes, self.weights)
        return normalise(totals)

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return class codes or values, shape (n_samples,)."""
        if not context.is_classification:
            return combine(P, self.method, self.weights, self.trim)
        if self.voting == "soft":
            return np.asarray(self.predict_proba(P, context).argmax(axis=1))
        # Totals, not shares: dividing could make two classes equal that are not.
        return np.asarray(vote_totals(context.labels, context.n_classes, self.weights).argmax(axis=1))

    def explain(self) -> dict[str, Any]:
        """Return the weights, as shares."""
        return {
            "weights": weight_shares(self.weights, len(self.members_)),
            "members_used": list(self.members_),
        }
