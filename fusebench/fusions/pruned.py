"""Pruned: the fewest members whose average is still good enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions._rules import average, normalise
from fusebench.fusions._weights import LinearPool
from fusebench.fusions.base import Context, Floats


@dataclass(kw_only=True)
class Pruned(LinearPool):
    """Keep the smallest subset of members whose uniform average scores within a tolerance of that of all.

    Parameters
    ----------
    method : {"backward", "margin", "budget"}, default="backward"
        Which subsets are looked at. ``backward``: all members, then without the one whose loss hurts least, and so on.
        ``margin``: the first 1, 2, ... members of an order in which each complements those before it. ``budget``:
        the empty set, then with the member that helps most among those that the budget still pays for, and so on.
    tolerance : float, default=0.0
        How much worse the score may be than that of all members, in units of the ranking metric, at least 0.
    budget : float, optional
        Largest sum of declared costs (``cost:`` of each learner); needed by ``budget``.

    Notes
    -----
    Among the subsets of the method the smallest within the tolerance wins; with ``budget``, where none may be, the
    best. ``margin`` minimises the distance of the mean signature (+1 right, -1 wrong per row) to 0.075 everywhere; for
    regression the squared error of the running mean. Ties: the member that stands first is kept.
    O(n_members^2 * n_samples) and as many scores.

    References
    ----------
    .. [1] G. Martinez-Munoz, D. Hernandez-Lobato, A. Suarez, An analysis of ensemble pruning techniques based on
       ordered aggregation, IEEE TPAMI 31(2), 2009 (margin distance minimisation).
    """

    method: Literal["backward", "margin", "budget"] = "backward"
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    budget: Annotated[float, Field(gt=0)] | None = None

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return whether the budget and the method fit together."""
        if (self.method == "budget") != (self.budget is not None):
            return [f"budget: method '{self.method}' {'needs one' if self.budget is None else 'takes none'}"]
        return []

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Choose the members.

        Raises
        ------
        FitError
            If costs are not declared, or no member is within the budget.
        """
        everyone = list(range(P.shape[1]))
        if self.method == "backward":
            subsets = _backward(P, y, context)
        elif self.method == "margin":
            order = _margin_order(P, y, context)
            subsets = [order[:size] for size in range(1, len(order) + 1)]
        else:
            subsets = _within_budget(P, y, context, float(self.budget or 0))
        due = _score(P, y, everyone, context) - self.tolerance - 1e-12
        scores = [_score(P, y, subset, context) for subset in subsets]
        enough = [at for at, score in enumerate(scores) if score >= due]
        chosen = min(enough, key=lambda at: len(subsets[at])) if enough else int(np.argmax(scores))
        weights = np.zeros(P.shape[1])
        weights[subsets[chosen]] = 1 / len(subsets[chosen])
        return self._keep(weights, context)


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


def _within_budget(P: Floats, y: NDArray[Any], context: Context, budget: float) -> list[list[int]]:
    """Return growing subsets whose declared costs stay within the budget."""
    missing = [member for member in context.members if member not in context.costs]
    if missing:
        raise FitError(f"budget: no cost is declared for {', '.join(missing)}; add 'cost:' to each member")
    costs = [context.costs[member] for member in context.members]
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
        raise FitError(f"budget: {budget:g} pays for no member, the cheapest costs {min(costs):g}")
    return subsets
