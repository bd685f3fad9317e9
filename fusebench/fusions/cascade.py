"""Cascade: cheap members answer where they are confident, dear ones get the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions._policy import Outcome, Policies, Stages, search
from fusebench.fusions._space import Encode, Space, Where, check_encode
from fusebench.fusions.base import Context, Floats, Fusion

if TYPE_CHECKING:
    from fusebench.spec.model import LearnerSpec


@dataclass(kw_only=True)
class Cascade(Fusion):
    """Ask the members one after the other, and keep the first answer that is confident enough.

    Parameters
    ----------
    order : {"cost"} or list of str, optional
        Who is asked first: by declared ``cost:``, cheapest first, or these members in this order. By default by cost
        where every member has one, else in the order of the members.
    target_cost : float, optional
        Largest mean cost per row, in the unit of the declared costs: the thresholds with the best score within it are
        taken.
    target_score : float, optional
        Smallest score by the ranking metric: the cheapest thresholds that reach it are taken, or the best where none
        do. By default the score of the last member alone, minus `tolerance`.
    tolerance : float, default=0.0
        How much worse than the last member alone the score may be, in units of the ranking metric, at least 0.
    confidence : {"max_proba", "margin"}, default="max_proba"
        The largest probability, or its lead over the second. For regression neither: minus the mean absolute error
        of a member on the `k` out-of-fold rows nearest to the row.
    n_thresholds : int, default=20
        Thresholds that are tried per member, evenly spaced quantiles of its confidence, > 0; answering always and never
        are tried too.
    k, space, encode
        The neighbours that regression looks at, as in ``ola``.

    Notes
    -----
    A row costs what the members asked for it cost together: those up to the one that answers, without any that never
    answers; for regression the one that answers alone, because its neighbours tell beforehand how sure it is. A fusion
    as a member costs what all learners behind it cost. Where a cost is missing, every member counts 1. The thresholds
    are fitted on the out-of-fold predictions, one member at a time until none improves, from several starts. What was
    declared decides, never what was measured; how long a row really took is reported beside the scores. At most
    O(n_members * n_thresholds) scores per sweep.

    References
    ----------
    .. [1] P. Viola, M. Jones, Rapid object detection using a boosted cascade of simple features, CVPR 2001.
    .. [2] K. Trapeznikov, V. Saligrama, Supervised sequential classification under budget constraints, AISTATS 2013.
    .. [3] L. Chen, M. Zaharia, J. Zou, FrugalGPT, arXiv:2305.05176, 2023 (order, thresholds and a budget).
    """

    min_members: ClassVar[int] = 2

    order: Literal["cost"] | tuple[str, ...] | None = None
    target_cost: Annotated[float, Field(gt=0)] | None = None
    target_score: float | None = None
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    confidence: Literal["max_proba", "margin"] = "max_proba"
    n_thresholds: Annotated[int, Field(gt=0)] = 20
    k: Annotated[int, Field(gt=0)] = 15
    space: Where = "features"
    encode: Encode = "linear"

    def reads_features(self, target_type: str) -> bool:
        """Return whether the original features are read: for values, whose confidence is that of rows nearby."""
        return target_type == "continuous" and self.space == "features"

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the order, the targets and the encoder."""
        found = check_encode(self.encode)
        if self.target_cost is not None and self.target_score is not None:
            found.append("target_cost: cannot be combined with target_score; choose one")
        if self.target_cost is not None and self.tolerance:
            found.append("tolerance: it belongs to a score target; remove it or target_cost")
        if self.target_score is not None and self.tolerance:
            found.append("tolerance: it is relative to the last member alone; remove it or target_score")
        if isinstance(self.order, tuple) and sorted(self.order) != sorted(members):
            given, due = ", ".join(self.order), ", ".join(members)
            found.append(f"order: got {given}; expected each of the members once: {due}")
        return found

    def check_recipes(
        self, members: tuple[str, ...], recipes: Mapping[str, LearnerSpec], target_types: frozenset[str]
    ) -> list[str]:
        """Return which costs are missing where the order or the target needs them."""
        missing = [member for member, recipe in recipes.items() if recipe.cost is None]
        if not missing:
            return []
        absent = f"no cost is declared for {', '.join(missing)}; add 'cost:' to each"
        found = [f"order: {absent}, or list the members in order"] if self.order == "cost" else []
        return [*found, f"target_cost: {absent}"] if self.target_cost is not None else found

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Fit the order and the thresholds on out-of-fold predictions.

        Raises
        ------
        FitError
            If every member alone is over the cost target, or no score is defined on these rows.
        """
        self.members_ = context.members
        self.declared_ = all(member in context.costs for member in context.members)
        self.order_ = self._ordered(context)
        costs = [context.costs[context.members[at]] if self.declared_ else 1.0 for at in self.order_]
        if not context.is_classification:
            self.errors_ = np.abs(np.asarray(context.labels, dtype=np.float64) - y[:, None])
            self.space_ = Space(self.space, self.encode).fit(P, y, context)
        self.costs_ = np.asarray(costs)
        stages = self._stages(P, context, own=True)
        policies = Policies(stages, self.n_thresholds, lambda answered: self._score(answered, P, y, context))
        self.thresholds_, self.outcome_ = search(policies, self._better(policies))
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return the probabilities of the member that answers, shape (n_samples, n_classes)."""
        return np.asarray(P[np.arange(len(P)), self._answering(P, context)])

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return the own class codes or values of the member that answers, shape (n_samples,)."""
        return np.asarray(context.labels[np.arange(len(P)), self._answering(P, context)])

    def used(self, n_members: int) -> tuple[int, ...]:
        """Return the members that may answer some row, in the order in which they are asked; see `Fusion.used`."""
        thresholds = np.append(self.thresholds_, -np.inf)
        last = int(np.flatnonzero(thresholds == -np.inf)[0])
        return tuple(self.order_[stage] for stage in range(last + 1) if thresholds[stage] < np.inf)

    def answered(self, P: Floats, context: Context, member: int) -> NDArray[np.bool_]:
        """Return which rows a member or one asked before it answers, shape (n_samples,).

        Predictions of members that come later may be any numbers.
        """
        turn = {at: stage for stage, at in enumerate(self.order_)}
        return np.asarray([turn[at] <= turn[member] for at in self._answering(P, context)], dtype=bool)

    def explain(self) -> dict[str, Any]:
        """Return the order, the thresholds, and what they gave out of fold."""
        answered = [self.outcome_.answered[self.order_.index(at)] for at in range(len(self.members_))]
        return {
            "weights": answered,
            "members_used": [member for member, share in zip(self.members_, answered, strict=True) if share > 0],
            "order": [self.members_[at] for at in self.order_],
            "thresholds": [_in_words(float(one)) for one in self.thresholds_],
            "costs": "declared" if self.declared_ else "each member counts 1",
            "out_of_fold": {"score": self.outcome_.score, "cost_per_row": self.outcome_.cost},
        }

    def usage(self, P: Floats, context: Context) -> dict[str, Any]:
        """Return who answers which share of the rows, who is asked for which share, and the cost per row."""
        stages = self._stages(P, context)
        answering = stages.answering(self.thresholds_)
        asked = stages.asked(answering, self.thresholds_)
        members = np.asarray(self.order_)[answering]
        return {
            "weights": [float((members == at).mean()) for at in range(len(self.members_))],
            "run_share": {self.members_[at]: float(share) for at, share in zip(self.order_, asked, strict=True)},
            "cost_per_row": float(asked @ self.costs_),
        }

    def _ordered(self, context: Context) -> list[int]:
        everyone = list(range(len(context.members)))
        if isinstance(self.order, tuple):
            return [context.members.index(member) for member in self.order if member in context.members]
        if self.order is None and not self.declared_:
            return everyone
        missing = [member for member in context.members if member not in context.costs]
        if missing:
            raise FitError(f"order: no cost is declared for {', '.join(missing)}; add 'cost:' to each learner")
        return sorted(everyone, key=lambda at: context.costs[context.members[at]])

    def _confidences(self, P: Floats, context: Context, *, own: bool = False) -> Floats:
        """Return how sure each member but the last is, in order, shape (n_samples, n_members - 1)."""
        columns = self.order_[:-1]
        if not context.is_classification:
            n_others = max(1, len(self.errors_) - own)
            if own and len(P) > 1:
                near = self.space_.find_others(np.arange(len(P)), min(self.k, n_others))
            else:
                near = self.space_.find(P, context, min(self.k, len(self.errors_)))
            return np.column_stack([-self.errors_[near, at].mean(axis=1) for at in columns] or [np.empty((len(P), 0))])
        asked = P[:, columns].astype(np.float64)
        if self.confidence == "max_proba":
            return np.asarray(asked.max(axis=2))
        two = np.partition(asked, -2, axis=2)
        return np.asarray(two[:, :, -1] - two[:, :, -2])

    def _answering(self, P: Floats, context: Context) -> NDArray[np.intp]:
        """Return the member that answers each row, shape (n_samples,)."""
        stages = self._stages(P, context)
        return np.asarray(self.order_, dtype=np.intp)[stages.answering(self.thresholds_)]

    def _stages(self, P: Floats, context: Context, *, own: bool = False) -> Stages:
        confidences = self._confidences(P, context, own=own)
        return Stages(confidences, self.costs_, foreseen=not context.is_classification)

    def _score(self, answered: NDArray[np.intp], P: Floats, y: NDArray[Any], context: Context) -> float:
        rows, members = np.arange(len(y)), np.asarray(self.order_)[answered]
        proba = P[rows, members] if context.is_classification else None
        return context.score(y, context.labels[rows, members], proba)

    def _better(self, policies: Policies) -> Callable[[Outcome], tuple[float, ...]]:
        """Return the sort key of outcomes: larger is better."""
        if self.target_cost is not None:
            limit = self.target_cost * (1 + 1e-9)
            cheapest = float(self.costs_.min())
            if cheapest > limit:
                raise FitError(
                    f"target_cost: {self.target_cost:g} per row is below the {cheapest:g} of the cheapest member alone"
                )
            return lambda one: (one.cost <= limit, one.score if one.cost <= limit else 0.0, -one.cost)
        last = policies.outcome(policies.never())
        due = (last.score - self.tolerance if self.target_score is None else self.target_score) - 1e-12
        return lambda one: (one.score >= due, -one.cost if one.score >= due else one.score, one.score, -one.cost)


def _in_words(threshold: float) -> float | str:
    return threshold if np.isfinite(threshold) else ("always" if threshold < 0 else "never")
