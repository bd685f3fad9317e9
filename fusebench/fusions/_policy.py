"""Thresholds of a cascade, and the search for those that meet a target."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions.base import Floats

MAX_SWEEPS = 20


class Outcome(NamedTuple):
    """What thresholds give on the rows that they are fitted on.

    Attributes
    ----------
    score : float
        By the ranking metric.
    cost : float
        Mean per row.
    answered : tuple of float
        Share of the rows that each stage answers.
    """

    score: float
    cost: float
    answered: tuple[float, ...]


class Stages:
    """Members in the order in which they are asked.

    Parameters
    ----------
    confidences : ndarray of shape (n_samples, n_stages - 1)
        Of every stage but the last, which answers whatever reaches it.
    costs : ndarray of shape (n_stages,)
        Of asking each stage.
    foreseen : bool
        Whether a stage's confidence is known without asking it, so that only those that answer are asked.
    """

    def __init__(self, confidences: Floats, costs: Floats, *, foreseen: bool) -> None:
        self.confidences = confidences
        self.costs = costs
        self.foreseen = foreseen

    def answering(self, thresholds: Floats) -> NDArray[np.intp]:
        """Return the stage that answers each row, the first whose confidence is at least its threshold."""
        sure = self.confidences >= thresholds
        sure = np.column_stack([sure, np.ones(len(sure), dtype=bool)])
        return np.asarray(sure.argmax(axis=1))

    def asked(self, answering: NDArray[np.intp], thresholds: Floats) -> Floats:
        """Return the share of the rows that each stage is asked for, shape (n_stages,).

        A stage that never answers is not asked.
        """
        answered = np.bincount(answering, minlength=len(self.costs)) / max(len(answering), 1)
        if self.foreseen:
            return np.asarray(answered)
        reached = 1 - np.concatenate([[0.0], np.cumsum(answered)[:-1]])
        # The last stage is reached by differences of shares, which leave rounding where nothing does.
        return np.where(np.append(thresholds, -np.inf) < np.inf, reached.clip(min=0).round(12), 0.0)


class Policies:
    """Thresholds that may be tried, and what each choice of them gives.

    Parameters
    ----------
    stages : Stages
    n_thresholds : int
        Quantiles of each stage's confidence.
    score : callable
        ``score(answering)`` of the stages that answer the rows.
    """

    def __init__(self, stages: Stages, n_thresholds: int, score: Callable[[NDArray[np.intp]], float]) -> None:
        self.stages = stages
        self._score = score
        shares = np.linspace(0, 1, n_thresholds + 2)[1:-1]
        self._quantiles = (
            np.quantile(stages.confidences, shares, axis=0) if stages.confidences.size else np.empty((0, 0))
        )
        self._known: dict[bytes, Outcome] = {}

    @property
    def n_free(self) -> int:
        """Stages that have a threshold."""
        return int(self.stages.confidences.shape[1])

    def never(self) -> Floats:
        """Return thresholds that leave every row to the last stage."""
        return np.full(self.n_free, np.inf)

    def starts(self) -> Iterator[Floats]:
        """Return thresholds to start from: each stage alone, and equal quantiles of every stage."""
        yield self.never()
        for stage in range(self.n_free):
            yield np.where(np.arange(self.n_free) == stage, -np.inf, np.inf)
        yield from self._quantiles

    def options(self, stage: int) -> Floats:
        """Return the thresholds of one stage, the most generous first."""
        return np.unique(np.concatenate([[-np.inf], self._quantiles[:, stage], [np.inf]]))

    def outcome(self, thresholds: Floats) -> Outcome:
        """Return what thresholds give.

        Raises
        ------
        FitError
            If their score is not defined.
        """
        key = thresholds.tobytes()
        if key not in self._known:
            answering = self.stages.answering(thresholds)
            answered = np.bincount(answering, minlength=len(self.stages.costs)) / len(answering)
            asked = self.stages.asked(answering, thresholds)
            score = float(self._score(answering))
            if not np.isfinite(score):
                raise FitError("the ranking metric is not defined on the out-of-fold rows; thresholds cannot be fitted")
            self._known[key] = Outcome(score, float(asked @ self.stages.costs), tuple(map(float, answered)))
        return self._known[key]


def search(policies: Policies, key: Callable[[Outcome], Any]) -> tuple[Floats, Outcome]:
    """Return the thresholds with the largest key that changing one stage at a time finds, and what they give.

    From each of the best three starts; the first of equals is kept.
    """
    starts = sorted(policies.starts(), key=lambda one: key(policies.outcome(one)), reverse=True)[:3]
    found = [_climb(policies, key, start) for start in starts]
    best = max(found, key=lambda one: key(policies.outcome(one)))
    return best, policies.outcome(best)


def _climb(policies: Policies, key: Callable[[Outcome], Any], start: Floats) -> Floats:
    current = start
    for _ in range(MAX_SWEEPS):
        before = current
        for stage in range(policies.n_free):
            for option in policies.options(stage):
                candidate = current.copy()
                candidate[stage] = option
                if key(policies.outcome(candidate)) > key(policies.outcome(current)):
                    current = candidate
        if current is before:
            break
    return current
