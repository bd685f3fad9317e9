"""Ensemble selection: a weighted average, grown greedily from a library of members."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.fusions._greedy import grow, growing_error, nearly_best
from fusebench.fusions._growing import GrowingError
from fusebench.fusions._weights import LinearPool
from fusebench.fusions.base import Context, Floats


@dataclass(kw_only=True)
class EnsembleSelection(LinearPool):
    """Add, one at a time, the member that most improves the score of the average.

    Parameters
    ----------
    n_iterations : int, default=25
        Members to add, > 0; the same member may be added again.
    metric : str, optional
        A scorer's name; by default the ranking metric.
    sorted_initialization : int, default=0
        Start from the best of the averages of the 1, 2, ..., this many best single members.
    n_bags : int, default=0
        Select this many times from random subsets of the members and average the weights; 0 selects once from all.
    bag_fraction : float, default=0.5
        Share of the members in each subset, in (0, 1].
    compat : {"autogluon"}, optional
        Give the weights of AutoGluon 1.6's ``EnsembleSelection``: errors are rounded to 6 decimals, and ties among
        members that are used already are broken at random, with its fixed seed.

    Notes
    -----
    A member's weight is how often it was added, divided by how many were. The average that was best on the way is
    kept, the first of equals. Ties (1e-12, relative): a member already used, then the first. O(n_iterations * n_members
    * n_samples), with a sort per step for ROC AUC. Accuracy, binary ROC AUC, log loss and the errors of regression have
    fast paths.

    References
    ----------
    .. [1] R. Caruana et al., Ensemble selection from libraries of models, ICML 2004.
    .. [2] R. Caruana, A. Munson, A. Niculescu-Mizil, Getting the most out of ensemble selection, ICDM 2006.
    """

    n_iterations: Annotated[int, Field(gt=0)] = 25
    metric: str | None = None
    sorted_initialization: Annotated[int, Field(ge=0)] = 0
    n_bags: Annotated[int, Field(ge=0)] = 0
    bag_fraction: Annotated[float, Field(gt=0, le=1)] = 0.5
    compat: Literal["autogluon"] | None = None

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the metric, and which options AutoGluon has not."""
        found = []
        if self.compat is not None and (self.sorted_initialization or self.n_bags):
            found.append("compat: AutoGluon has neither sorted_initialization nor n_bags; remove them or compat")
        if self.metric is not None:
            from fusebench import metrics

            messages = [metrics.check(self.metric, target_type) for target_type in sorted(target_types)]
            found += [f"metric: {message}" for message in dict.fromkeys(messages) if message]
        return found

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Select members on out-of-fold predictions.

        Raises
        ------
        FitError
            If the metric is not defined on these rows.
        """
        context = context if self.metric is None else _with_metric(context, self.metric)
        # AutoGluon clips at 1e-15 for two classes; scikit-learn, which it calls for more, at the resolution of doubles.
        clip = 1e-15 if self.compat and P.ndim == 3 and P.shape[2] == 2 else float(np.finfo(np.float64).eps)
        error = growing_error(P, y, context, clip)
        weights = np.zeros(P.shape[1])
        self.order_: list[list[int]] = []
        for bag in self._bags(P.shape[1], context.random_state):
            order = self._select(error, bag)
            weights += np.bincount(order, minlength=P.shape[1]) / len(order)
            self.order_.append(order)
        weights /= len(self.order_)
        # Only when rounding left them short, as AutoGluon does.
        return self._keep(weights / weights.sum() if weights.sum() < 1 else weights, context)

    def _bags(self, n_members: int, random_state: int) -> list[list[int]]:
        if self.n_bags == 0:
            return [list(range(n_members))]
        rng = np.random.default_rng(random_state)
        size = max(1, round(self.bag_fraction * n_members))
        return [sorted(rng.choice(n_members, size, replace=False).tolist()) for _ in range(self.n_bags)]

    def _select(self, error: GrowingError, bag: list[int]) -> list[int]:
        if self.compat == "autogluon":
            random = np.random.RandomState(0)  # the generator of the tool whose weights these are
            return grow(error, bag, self.n_iterations, partial(_at_random, random=random), rounding=True)
        start = self._start(error, bag) if self.sorted_initialization else []
        return grow(error, bag, self.n_iterations, partial(_first, bag=bag), start=start)

    def _start(self, error: GrowingError, bag: list[int]) -> list[int]:
        """Return the best prefix of the best single members."""
        error.reset()
        singles = [error.after(member) for member in bag]
        ranked = [bag[at] for at in np.argsort(singles, kind="stable")[: self.sorted_initialization]]
        errors = []
        for member in ranked:
            errors.append(error.after(member))
            error.add(member)
        return ranked[: int(np.argmin(errors)) + 1]

    def explain(self) -> dict[str, Any]:
        """Return the weights and the members in the order in which they were added (of the last bag)."""
        return {**super().explain(), "order": [self.members_[member] for member in self.order_[-1]]}


def _with_metric(context: Context, name: str) -> Context:
    from fusebench import metrics

    def score(y: NDArray[Any], labels: NDArray[Any], proba: Floats | None) -> float:
        return float(metrics.score(name, y, labels, proba, context.n_classes))

    return replace(context, metric=name, score=score)


def _first(errors: NDArray[Any], used: set[int], bag: list[int]) -> int:
    best = nearly_best(errors)
    return int(next((at for at in best if bag[at] in used), best[0]))


def _at_random(errors: NDArray[Any], used: set[int], random: np.random.RandomState) -> int:
    best = nearly_best(errors)
    if len(best) > 1:
        best = np.array([at for at in best if at in used] or best)
    return int(random.choice(best))
