"""Fusions as ONNX nodes: functions of what their members say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from fusebench.errors import ModelError
from fusebench.export import _encoders
from fusebench.export._encoders import Table
from fusebench.export._graph import Graph
from fusebench.export._learners import Answer, learner
from fusebench.fusions._meta import _Constant
from fusebench.fusions._pruned_then import PrunedThen
from fusebench.fusions._references import BestSingle, UniformAverage
from fusebench.fusions._rules import EPSILON
from fusebench.fusions._stacked import StackedFusion
from fusebench.fusions._weights import LinearPool
from fusebench.fusions.adaptive import Adaptive
from fusebench.fusions.averaging import Averaging
from fusebench.fusions.base import Fusion
from fusebench.fusions.calibrated import Calibrated
from fusebench.fusions.voting import Voting

ABLE = (
    "those that have are voting, averaging, weighted, ensemble_selection, pruned, stacking, blending, adaptive, "
    "calibrated (temperature), best_single and uniform_average"
)


@dataclass(frozen=True)
class Members:
    """What stands behind a fusion in a graph.

    Parameters
    ----------
    graph : Graph
    names : tuple of str
        The members; asked for only where they are used, so that others leave no nodes.
    answer : callable
        Returns what the member at a position says.
    n_classes : int
        0 for regression.
    table : Table
        The original features.
    width : callable
        Returns the number of columns of an encoder's matrix.
    """

    graph: Graph
    names: tuple[str, ...]
    answer: Callable[[int], Answer]
    n_classes: int
    table: Table
    width: Callable[[Any], int]

    @property
    def everyone(self) -> range:
        """All positions."""
        return range(len(self.names))

    def prediction(self, at: int) -> str:
        """Return a member's probabilities, shape (n_samples, n_classes), or values, shape (n_samples,)."""
        said = self.answer(at)
        return said.proba if self.n_classes else said.labels

    def said(self, prediction: str) -> Answer:
        """Return the answer of fused probabilities or values."""
        return Answer(self.graph.argmax(prediction), prediction) if self.n_classes else Answer(prediction)


@singledispatch
def fused(fusion: Fusion, members: Members) -> Answer:  # noqa: ARG001 - what others look at
    """Return what a fitted fusion says.

    Raises
    ------
    ModelError
        If this strategy, or this setting of it, has no ONNX form.
    """
    raise ModelError(f"the fusion '{type(fusion).__module__.rpartition('.')[2]}' has no ONNX form; {ABLE}")


@fused.register
def _(fusion: Voting, members: Members) -> Answer:
    if members.n_classes and fusion.voting == "hard":
        graph = members.graph
        votes = []
        for at in members.everyone:
            own = graph.one_hot(members.answer(at).labels, members.n_classes)
            weight = 1.0 if fusion.weights is None else float(fusion.weights[at])
            votes.append(own if weight == 1 else graph.op("Mul", own, graph.const(weight)))
        totals = _sum(graph, votes)
        return Answer(graph.argmax(totals), _normalised(graph, totals))
    return members.said(_combined(members, fusion.method, fusion.weights, fusion.trim))


@fused.register
def _(fusion: Averaging, members: Members) -> Answer:
    return members.said(_combined(members, fusion.method, fusion.weights, fusion.trim))


@fused.register
def _(_: UniformAverage, members: Members) -> Answer:
    return members.said(_average(members.graph, [members.prediction(at) for at in members.everyone]))


@fused.register
def _(fusion: LinearPool, members: Members) -> Answer:
    graph, used = members.graph, np.flatnonzero(fusion.weights_).tolist()
    weights = [graph.const(float(fusion.weights_[at])) for at in used]
    total = _sum(graph, [graph.op("Mul", w, members.prediction(at)) for w, at in zip(weights, used, strict=True)])
    return members.said(_normalised(graph, total) if members.n_classes else total)


@fused.register
def _(fusion: BestSingle, members: Members) -> Answer:
    return members.answer(fusion.chosen_)


@fused.register
def _(fusion: Adaptive, members: Members) -> Answer:
    return members.answer(fusion.chosen_)


@fused.register
def _(fusion: PrunedThen, members: Members) -> Answer:
    kept = [int(at) for at in fusion.kept_]
    behind = Members(
        members.graph,
        tuple(members.names[at] for at in kept),
        lambda at: members.answer(kept[at]),
        members.n_classes,
        members.table,
        members.width,
    )
    return fused(fusion.fusion_, behind)


@fused.register
def _(fusion: Calibrated, members: Members) -> Answer:
    if fusion.method != "temperature":
        raise ModelError(f"the fusion 'calibrated' has no ONNX form for method: {fusion.method}; temperature has one")
    graph = members.graph
    proba = _average(graph, [members.prediction(at) for at in members.everyone])
    logs = graph.op("Log", graph.op("Max", proba, graph.const(EPSILON)))
    return members.said(graph.op("Softmax", graph.op("Mul", logs, graph.const(fusion.exponent_)), axis=1))


@fused.register
def _(fusion: StackedFusion, members: Members) -> Answer:
    graph, meta = members.graph, fusion.fitted_
    if meta.meta_learner == "joint" or not members.n_classes:
        matrix, width = _meta_columns(meta.features, members, None)
        return learner(graph, meta.learners[0], matrix, width)
    scores = []
    for code in range(members.n_classes):
        one = meta.learners[code if meta.meta_learner == "class_wise" else 0]
        matrix, width = _meta_columns(meta.features, members, code)
        if isinstance(one, _Constant):
            scores.append(graph.expanded_like(np.array([one.probability]), matrix))
        else:
            scores.append(graph.take(learner(graph, one, matrix, width).proba, [1]))
    return members.said(_normalised(graph, graph.hstack(scores)))


def _meta_columns(features: Any, members: Members, of_class: int | None) -> tuple[str, int]:
    """Return the matrix that a meta-learner sees, and its width."""
    if features.products:
        raise ModelError("feature_weighted stacking has no ONNX form; passthrough has one")
    graph, blocks, width = members.graph, [], 0
    first = 1 if members.n_classes == 2 else 0
    codes = list(range(first, members.n_classes)) if of_class is None else [of_class]
    for kind in features.kinds:
        for at in members.everyone:
            if not members.n_classes:
                if kind == "ranks":
                    raise ModelError("stacking on ranks has no ONNX form; proba, logit and labels have")
                blocks.append(graph.op("Unsqueeze", members.answer(at).labels, graph.const([1], np.int64)))
                width += 1
                continue
            blocks.append(graph.take(_meta_scores(kind, members, at), codes))
            width += len(codes)
    if features.encoder is not None:
        blocks.append(_encoders.encoded(features.encoder, members.table))
        width += members.width(features.encoder)
    return graph.hstack(blocks), width


def _meta_scores(kind: str, members: Members, at: int) -> str:
    graph, said = members.graph, members.answer(at)
    if kind == "labels":
        return graph.one_hot(said.labels, members.n_classes)
    if kind == "proba":
        return said.proba
    if kind == "ranks":
        raise ModelError("stacking on ranks has no ONNX form; proba, logit and labels have")
    one = graph.const(1.0)
    clipped = graph.op("Clip", said.proba, graph.const(EPSILON), graph.const(1 - EPSILON))
    return graph.op("Sub", graph.op("Log", clipped), graph.op("Log", graph.op("Sub", one, clipped)))


def _combined(members: Members, method: str, weights: Sequence[float] | None, trim: float) -> str:
    """Return the predictions combined by a rule; see `fusebench.fusions._rules.combine`."""
    graph, own = members.graph, [members.prediction(at) for at in members.everyone]
    if method == "mean":
        return _average(graph, own, weights)
    if method in {"geometric", "log_pool", "product"}:
        return _log_linear(graph, own, weights, total=method == "product", values=not members.n_classes)
    if method in {"max", "min"}:
        combined = own[0] if len(own) == 1 else graph.op(method.capitalize(), *own)
    else:
        n_members = len(own)
        cut = (n_members - 1) // 2
        if method == "trimmed":
            cut = min(math.floor(trim * n_members), cut)
        combined = _trimmed(graph, own, cut)
    if not members.n_classes:
        return combined
    totals = graph.total(combined)
    empty = graph.op("LessOrEqual", totals, graph.const(0.0))
    return _normalised(graph, graph.op("Where", empty, _average(graph, own), combined))


def _trimmed(graph: Graph, own: list[str], cut: int) -> str:
    """Return the mean of the predictions without some at either end."""
    stacked = graph.op("Concat", *[graph.op("Unsqueeze", one, graph.const([-1], np.int64)) for one in own], axis=-1)
    (ordered,) = graph.several("TopK", 2, stacked, graph.const([len(own)], np.int64), axis=-1, largest=0, sorted=1)[:1]
    kept = graph.op("Gather", ordered, graph.const(list(range(cut, len(own) - cut)), np.int64), axis=-1)
    summed = graph.total(kept, -1, keep=False)
    return graph.op("Div", summed, graph.const(float(len(own) - 2 * cut)))


def _log_linear(graph: Graph, own: list[str], weights: Sequence[float] | None, *, total: bool, values: bool) -> str:
    scale = np.ones(len(own)) if weights is None else np.asarray(weights, dtype=np.float64)
    scale = scale if total else scale / scale.sum()
    logs = []
    for weight, one in zip(scale, own, strict=True):
        positive = one if values else graph.op("Max", one, graph.const(EPSILON))
        logs.append(graph.op("Mul", graph.const(float(weight)), graph.op("Log", positive)))
    summed = _sum(graph, logs)
    return graph.op("Exp", summed) if values else graph.op("Softmax", summed, axis=1)


def _average(graph: Graph, own: list[str], weights: Sequence[float] | None = None) -> str:
    """Return the weighted mean, members added in their order as `fusebench.fusions._rules.average` does."""
    if weights is None:
        return own[0] if len(own) == 1 else graph.op("Div", _sum(graph, own), graph.const(float(len(own))))
    scaled = [graph.op("Mul", one, graph.const(float(w))) for one, w in zip(own, weights, strict=True)]
    return graph.op("Div", _sum(graph, scaled), graph.const(float(np.sum(np.asarray(weights, dtype=np.float64)))))


def mean_answer(graph: Graph, several: list[Answer]) -> Answer:
    """Return the mean of several models' answers; one model's as it is."""
    if len(several) == 1:
        return several[0]
    if not several[0].proba:
        return Answer(_average(graph, [one.labels for one in several]))
    proba = _average(graph, [one.proba for one in several])
    return Answer(graph.argmax(proba), proba)


def _sum(graph: Graph, parts: list[str]) -> str:
    total = parts[0]
    for part in parts[1:]:
        total = graph.op("Add", total, part)
    return total


def _normalised(graph: Graph, scores: str) -> str:
    return graph.op("Div", scores, graph.total(scores))
