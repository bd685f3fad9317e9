"""Pruned: the fewest members whose average is still good enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions._rules import average, normalise, vote_totals
from fusebench.fusions._weights import LinearPool
from fusebench.fusions.base import Context, Floats

if TYPE_CHECKING:
    from fusebench.spec.model import LearnerSpec


@dataclass(kw_only=True)
class Pruned(LinearPool):
    """Keep the smallest subset of members whose uniform average scores within a tolerance of that of all.

    Parameters
    ----------
    method : {"backward", "margin", "complementary", "budget"}, default="backward"
        Which subsets are looked at. ``backward``: all members, then without the one whose loss hurts least, and so on.
        ``margin``: the first 1, 2, ... members of an order in which each brings the margins of all rows nearest to a
        small positive one. ``complementary``: of an order in which each is right where those before it are wrong
        together. ``budget``: the empty set, then with the member that helps most among those that the budget still
        pays for, and so on.
    tolerance : float, default=0.0
        How much worse the score may be than that of all members, in units of the ranking metric, at least 0.
    budget : float, optional
        Largest sum over the members kept of what `budget_of` names; needed by ``budget``.
    budget_of : {"cost", "bytes"}, default="cost"
        What each learner declares that the budget pays for: its ``cost:``, or its size, ``bytes:``.

    Notes
    -----
    Among the subsets of the method the smallest within the tolerance wins; with ``budget``, where none may be, the
    best. ``margin`` minimises the distance of the mean signature (+1 right, -1 wrong per row) to 0.075 everywhere; for
    regression the squared error of the running mean. ``complementary`` starts with the best member and adds the one
    that is right on most of the rows that the vote of those before it gets wrong; classification only. Sizes that were
    measured stand in the leaderboard; what decides is what the spec declares. Ties: the member that stands first is
    kept. O(n_members^2 * n_samples) and as many scores.

    References
    ----------
    .. [1] G. Martinez-Munoz, D. Hernandez-Lobato, A. Suarez, An analysis of ensemble pruning techniques based on
       ordered aggregation, IEEE TPAMI 31(2), 2009 (margin distance minimisation, complementariness).
    """

    method: Literal["backward", "margin", "complementary", "budget"] = "backward"
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    budget: Annotated[float, Field(gt=0)] | None = None
    budget_of: Literal["cost", "bytes"] = "cost"

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return whether the budget and the method fit together."""
        if (self.method == "budget") != (self.budget is not None):
            return [f"budget: method '{self.method}' {'needs one' if self.budget is None else 'takes none'}"]
        if self.method == "complementary" and "continuous" in target_types:
            return ["method: 'complementary' counts wrong classes, a continuous target has none; use margin"]
        return []

    def check_recipes(
        self, members: tuple[str, ...], recipes: Mapping[str, LearnerSpec], target_types: frozenset[str]
    ) -> list[str]:
        """Return which declarations a budget lacks, and whether it pays for any member."""
        if self.budget is None:
            return []
        declared = {member: getattr(recipe, self.budget_of) for member, recipe in recipes.items()}
        missing = [member for member, value in declared.items() if value is None]
        if missing:
            return [
                f"budget: no {self.budget_of} is declared for {', '.join(missing)}; add '{self.budget_of}:' to each"
            ]
        if len(declared) == len(members) and min(declared.values()) > self.budget:
            return [f"budget: {self.budget:g} pays for no member, the cheapest takes {min(declared.values()):g}"]
        return []

    def _prices(self, context: Context) -> list[float]:
        declared = context.costs if self.budget_of == "cost" else context.bytes
        missing = [member for member in context.members if member not in declared]
        if missing:
            what = self.budget_of
            raise FitError(f"budget: no {what} is declared for {', '.join(missing)}; add '{what}:' to each learner")
        return [declared[member] for member in context.members]

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Choose the members.

        Raises
        ------
        FitError
            If costs or sizes are not declared, or no member is within the budget.
        """
        everyone = list(range(P.shape[1]))
        if self.method == "backward":
            subsets = _backward(P, y, context)
        elif self.method in ("margin", "complementary"):
            order = (_margin_order if self.method == "margin" else _complementary_order)(P, y, context)
            subsets = [order[:size] for size in range(1, len(order) + 1)]
        else:
            subsets = _within_budget(P, y, context, float(self.budget or 0), self._prices(context))
        due = _score(P, y, everyone, context) - self.tolerance - 1e-12
        scores = [_score(P, y, subset, context) for subset in subsets]
        enough = [at for at, score in enumerate(scores) if score >= due]
        chosen = min(enough, key=lambda at: len(subsets[at])) if enough else int(np.argmax(scores))
        weights = np.zeros(P.shape[1])
        weights[subsets[chosen]] = 1 / len(subsets[chosen])
        return self._keep(weights, context)


def _complementary_order(P: Floats, y: NDArray[Any], context: Context) -> list[int]:
    """Return all members, each the one that is right on most rows that those before it get wrong together."""
    right = context.labels == y[:, None]
    order = [int(np.argmax(right.sum(axis=0)))]
    while len(order) < P.shape[1]:
        wrong = vote_totals(context.labels[:, order], context.n_classes).argmax(axis=1) != y
        rest = [member for member in range(P.shape[1]) if member not in order]
        order.append(rest[int(np.argmax(right[np.ix_(wrong, rest)].sum(axis=0)))])
    return order


def _score(P: Floats, y: NDArray[Any], subset: list[int], context: Context) -> float:
    """Return the score of the uniform average of some members."""
    fused = average(P[:, subset].astype(np.float64))
    if not context.is_classification:
        return context.score(y, fused, None)
    proba = normalise(fused)
    return context.score(y, proba.argmax(axis=1), proba)


def _backward(P: Floats, y: NDArray[Any], context: Context) -> list[list[int]]:
    """Return subsets of falling size, each without the member of the one before that hurts least."""
    kept = list(range(P.shape[1]))
    subsets = [kept]
    while len(kept) > 1:
        options = [[other for other in kept if other != member] for member in reversed(kept)]
        scores = [_score(P, y, option, context) for option in options]
        kept = options[int(np.argmax(scores))]
        subsets.append(kept)
    return subsets


def _margin_order(P: Floats, y: NDArray[Any], context: Context) -> list[int]:
    """Return all members, each the one that best complements those before it."""
    if context.is_classification:
        signatures = np.where(context.labels == y[:, None], 1.0, -1.0)
        goal = np.full(len(y), 0.075)
    else:
        signatures, goal = P.astype(np.float64), np.asarray(y, dtype=np.float64)
    order: list[int] = []
    total = np.zeros(len(y))
    while len(order) < P.shape[1]:
        rest = [member for member in range(P.shape[1]) if member not in order]
        means = (total[:, None] + signatures[:, rest]) / (len(order) + 1)
        distances = ((means - goal[:, None]) ** 2).sum(axis=0)
        order.append(rest[int(np.argmin(distances))])
        total += signatures[:, order[-1]]
    return order


def _within_budget(P: Floats, y: NDArray[Any], context: Context, budget: float, costs: list[float]) -> list[list[int]]:
    """Return growing subsets whose declared costs stay within the budget."""
    kept: list[int] = []
    subsets = []
    while True:
        spent = sum(costs[member] for member in kept)
        options = [at for at in range(P.shape[1]) if at not in kept and spent + costs[at] <= budget * (1 + 1e-9)]
        if not options:
            break
        scores = [_score(P, y, [*kept, member], context) for member in options]
        kept = [*kept, options[int(np.argmax(scores))]]
        subsets.append(kept)
    if not subsets:
        raise FitError(f"budget: {budget:g} pays for no member, the cheapest takes {min(costs):g}")
    return subsets
