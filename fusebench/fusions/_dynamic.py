"""Dynamic selection: each row is answered by the members that are right, or close, on the rows around it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.fusions._neighbours import Rows
from fusebench.fusions._rules import average
from fusebench.fusions._space import Encode, Space, Where, check_encode
from fusebench.fusions.base import Context, Floats, Fusion

BLOCK = 2048
"""Rows whose neighbourhoods are looked at together."""


@dataclass(frozen=True)
class Region:
    """Rows to be predicted and the fitted rows around each.

    Parameters
    ----------
    neighbours : ndarray of shape (n_samples, k)
        Positions among the rows of fit, nearest first.
    P, labels : ndarray
        The members' predictions of the rows.
    """

    neighbours: Rows
    P: Floats
    labels: NDArray[Any]


@dataclass(kw_only=True)
class DynamicSelection(Fusion):
    """Base of dynamic selection: neighbours, competences, weights per row; `ola` describes the parameters."""

    single: ClassVar[bool] = False
    """Whether one member answers, instead of a vote of several."""

    k: Annotated[int, Field(gt=0)] = 7
    space: Where = "features"
    encode: Encode = "linear"
    dfp: bool = False

    @property
    def needs_features(self) -> bool:  # type: ignore[override]  # the base allows a property in place of its constant
        """Whether the original features are read: not where neighbours are sought among predictions."""
        return self.space == "features"

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return what is wrong with the encoder and with pruning."""
        found = check_encode(self.encode)
        if self.dfp and "continuous" in target_types:
            found.append("dfp: it prunes members by the classes around a row, a continuous target has none; remove it")
        return found

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Keep the out-of-fold rows and what each member got right there.

        Raises
        ------
        FitError
            If the encoded features cannot be compared.
        """
        self.members_ = context.members
        self.y_ = np.asarray(y).copy()
        self.k_ = min(self.k, len(y))
        self._memo: tuple[Any, Any, Floats] | None = None
        self.space_ = Space(self.space, self.encode).fit(P, y, context)
        if context.is_classification:
            self.hits_ = context.labels == y[:, None]
        else:
            self.errors_ = np.abs(np.asarray(context.labels, dtype=np.float64) - y[:, None])
        self._learn(P, context)
        return self

    def _learn(self, P: Floats, context: Context) -> None:
        """Learn more than the neighbours; most strategies do not."""

    @abstractmethod
    def _competence(self, region: Region) -> Floats:
        """Return how good each member is around each row, shape (n_samples, n_members)."""

    @abstractmethod
    def _weights(self, competence: Floats, region: Region) -> Floats:
        """Return weights of the members, shape (n_samples, n_members), at least 0, not all 0 in a row."""

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return fused probabilities, shape (n_samples, n_classes)."""
        proba = average(P.astype(np.float64))
        rows = _disagreeing(context.labels)
        if len(rows):
            weights = self._weights_of(P, context)[rows]
            soft = self.single or self._voting == "soft"
            votes = P[rows] if soft else context.labels[rows][:, :, None] == np.arange(context.n_classes)
            proba[rows] = _weighted(votes, weights)
        return np.asarray(proba / proba.sum(axis=1, keepdims=True))

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return class codes or values, shape (n_samples,)."""
        if not context.is_classification:
            return _weighted(P, self._weights_of(P, context))
        chosen = context.labels[:, 0].astype(np.intp)
        rows = _disagreeing(context.labels)
        if len(rows):
            weights = self._weights_of(P, context)[rows]
            by_label = self.single or self._voting == "hard"
            votes = context.labels[rows][:, :, None] == np.arange(context.n_classes) if by_label else P[rows]
            chosen[rows] = np.einsum("nm,nmc->nc", weights, votes).argmax(axis=1)
        return chosen

    def explain(self) -> dict[str, Any]:
        """Return the members and the number of neighbours."""
        return {"members_used": list(self.members_), "k": self.k_}

    def usage(self, P: Floats, context: Context) -> dict[str, Any]:
        """Return the mean weight of each member, and the share of rows on which the members do not agree."""
        weights = self._weights_of(P, context)
        shares = weights / weights.sum(axis=1, keepdims=True)
        found: dict[str, Any] = {"weights": [float(share) for share in shares.mean(axis=0)]}
        if context.is_classification:
            found["selected_on"] = len(_disagreeing(context.labels)) / len(P)
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was computed for the last rows."""
        return {**self.__dict__, "_memo": None}

    @property
    def _voting(self) -> str:
        return str(getattr(self, "voting", "hard"))

    def _weights_of(self, P: Floats, context: Context) -> Floats:
        """Return the weights of every row, equal ones where all members agree on a class; kept for the next call."""
        if self._memo is not None and self._memo[0] is P and self._memo[1] is context.X:
            return self._memo[2]
        rows = _disagreeing(context.labels) if context.is_classification else np.arange(len(P))
        weights = np.ones(P.shape[:2])
        for block in blocks(len(rows)):
            at = rows[block]
            region = Region(self.space_.find(P[at], context.take(at), self.k_), P[at], context.labels[at])
            competence = self._competence(region)
            if self.dfp:
                competence = competence * self._crossing(region)
            weights[at] = self._weights(competence, region)
        self._memo = (P, context.X, weights)
        return weights

    def _crossing(self, region: Region) -> NDArray[np.bool_]:
        """Return the members that are right on more than one class around a row; all where none is, or one class is."""
        y, hits = self.y_[region.neighbours], self.hits_[region.neighbours]
        # A member crosses the border between classes when its hits do not all have the class of the first of them.
        first = np.take_along_axis(y, hits.argmax(axis=1), axis=1)
        crossing = (hits & (y[:, :, None] != first[:, None, :])).any(axis=1)
        crossing[(y == y[:, [0]]).all(axis=1) | ~crossing.any(axis=1)] = True
        return np.asarray(crossing)

    def _near_hits(self, region: Region) -> NDArray[np.bool_]:
        """Return which neighbours each member got right, shape (n_samples, k, n_members)."""
        return np.asarray(self.hits_[region.neighbours])


@dataclass(kw_only=True)
class HitSelection(DynamicSelection):
    """Base of strategies that count hits, with a meaning for values too: an error within a tolerance."""

    voting: Literal["hard", "soft"] = "hard"
    tolerance: Annotated[float, Field(ge=0)] | None = None

    def _learn(self, P: Floats, context: Context) -> None:
        if not context.is_classification:
            self.tolerance_ = float(np.median(self.errors_)) if self.tolerance is None else self.tolerance
            self.hits_ = self.errors_ <= self.tolerance_


def local_accuracy(fusion: DynamicSelection, region: Region) -> Floats:
    """Return the share of neighbours that each member got right, or minus its mean squared error on them."""
    if hasattr(fusion, "errors_"):
        return np.asarray(-(fusion.errors_[region.neighbours] ** 2).mean(axis=1))
    return np.asarray(fusion.hits_[region.neighbours].mean(axis=1))


def only_best(competence: Floats) -> Floats:
    """Return weight 1 for the most competent member of each row, the first of equals."""
    weights = np.zeros_like(competence)
    weights[np.arange(len(competence)), competence.argmax(axis=1)] = 1.0
    return weights


def all_where_none(weights: NDArray[Any]) -> Floats:
    """Return the weights, equal ones in rows that have none."""
    return np.where(weights.any(axis=1, keepdims=True), weights, 1.0)


def blocks(n_samples: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, n_samples, BLOCK))


def _disagreeing(labels: NDArray[Any]) -> NDArray[np.intp]:
    return np.flatnonzero((labels != labels[:, [0]]).any(axis=1))


def _weighted(votes: NDArray[Any], weights: Floats) -> Floats:
    """Return the weighted mean over the members."""
    shares = weights / weights.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("nm,nm...->n...", shares, votes))
