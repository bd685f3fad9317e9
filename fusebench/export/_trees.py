"""Trees of any library as one ONNX node.

In double precision: the converters of onnxmltools and skl2onnx work in single precision, where sums of leaves tip ties
over and thresholds of doubles move, and they know no sets of categories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.export._graph import Graph

LEQ, LT, MEMBER = 0, 1, 6  # modes of nodes, by the standard


@dataclass
class Trees:
    """The nodes and leaves of an ensemble, in the form of ONNX's ``TreeEnsemble``.

    A branch is written as (number, whether that is the number of a leaf).
    """

    modes: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    missing_true: list[int] = field(default_factory=list)
    yes: list[tuple[int, bool]] = field(default_factory=list)
    no: list[tuple[int, bool]] = field(default_factory=list)
    members: list[float] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)

    def leaf(self, weight: float, target: int) -> tuple[int, bool]:
        """Add a leaf."""
        self.weights.append(float(weight))
        self.targets.append(target)
        return len(self.weights) - 1, True

    def branch(self, feature: int, split: float | Sequence[float], mode: int, *, missing_true: bool) -> int:
        """Add a node whose branches are set later; `split` holds the categories of a set."""
        if mode == MEMBER and not split:
            split, mode = -np.inf, LEQ  # an empty set, which the runtime refuses: nothing but a missing value can be in
        self.modes.append(mode)
        self.features.append(feature)
        self.missing_true.append(int(missing_true))
        if mode == MEMBER:
            self.members += [*map(float, split), np.nan]  # type: ignore[arg-type]  # a set is a sequence
            self.splits.append(0.0)
        else:
            self.splits.append(float(split))  # type: ignore[arg-type]  # a threshold is a number
        self.yes.append((0, True))
        self.no.append((0, True))
        return len(self.modes) - 1

    def root(self, at: tuple[int, bool]) -> None:
        """End a tree; one that is a single leaf gets a node that leads there either way."""
        if at[1]:
            node = self.branch(0, 0.0, LEQ, missing_true=False)
            self.yes[node] = self.no[node] = at
            at = (node, False)
        self.roots.append(at[0])

    def node(self, graph: Graph, matrix: str, n_targets: int) -> str:
        """Add the sum of the leaves per target, shape (n_samples, n_targets), of a matrix of doubles."""
        from onnx import TensorProto, helper

        def tensor(values: list[Any], kind: int = TensorProto.DOUBLE) -> Any:
            return helper.make_tensor("", kind, [len(values)], values)

        sets = {"membership_values": tensor(self.members)} if self.members else {}
        return graph.op(
            "TreeEnsemble",
            matrix,
            domain="ai.onnx.ml",
            n_targets=n_targets,
            aggregate_function=1,
            post_transform=0,
            tree_roots=self.roots,
            nodes_modes=tensor(self.modes, TensorProto.UINT8),
            nodes_featureids=self.features,
            nodes_splits=tensor(self.splits),
            nodes_missing_value_tracks_true=self.missing_true,
            nodes_truenodeids=[at for at, _ in self.yes],
            nodes_trueleafs=[int(is_leaf) for _, is_leaf in self.yes],
            nodes_falsenodeids=[at for at, _ in self.no],
            nodes_falseleafs=[int(is_leaf) for _, is_leaf in self.no],
            leaf_targetids=self.targets,
            leaf_weights=tensor(self.weights),
            **sets,
        )


def add_sklearn(trees: Trees, tree: Any, target: int, leaves: NDArray[Any]) -> None:
    """Add a tree of scikit-learn; `leaves` holds the weight of each of its nodes as a leaf."""
    left, right = tree.children_left, tree.children_right
    missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count))
    places: list[tuple[int, bool]] = []
    for node in range(tree.node_count):
        if left[node] < 0:
            places.append(trees.leaf(leaves[node], target))
        else:
            at = trees.branch(tree.feature[node], tree.threshold[node], LEQ, missing_true=bool(missing[node]))
            places.append((at, False))
    for node, (at, is_leaf) in enumerate(places):
        if not is_leaf:
            trees.yes[at], trees.no[at] = places[left[node]], places[right[node]]
    trees.root(places[0])


def mean_leaf_values(graph: Graph, matrix: str, estimators: Sequence[Any]) -> str:
    """Return the mean over scikit-learn's trees of what their leaves hold, shape (n_samples, n_values)."""
    summed = _leaf_values(graph, matrix, estimators, [one.tree_.value[:, 0, :] for one in estimators])
    return summed if len(estimators) == 1 else graph.op("Div", summed, graph.const(float(len(estimators))))


def weighted_votes(graph: Graph, matrix: str, estimator: Any) -> str:
    """Return the class scores of an AdaBoostClassifier of trees, shape (n_samples, n_classes)."""
    n_classes, total = estimator.n_classes_, estimator.estimator_weights_.sum()
    tables = []
    for one, weight in zip(estimator.estimators_, estimator.estimator_weights_, strict=False):
        chosen = one.classes_[one.tree_.value[:, 0, :].argmax(axis=1)]
        is_chosen = chosen[:, None] == estimator.classes_
        tables.append(np.where(is_chosen, weight, -weight / (n_classes - 1)))
    votes = _leaf_values(graph, matrix, estimator.estimators_, tables)
    return graph.op("Div", votes, graph.const(float(total)))


def _leaf_values(graph: Graph, matrix: str, estimators: Sequence[Any], tables: Sequence[NDArray[Any]]) -> str:
    """Return the sum over trees of the table's row of the leaf reached, shape (n_samples, n_values).

    One target per tree, whose sum is the number of that leaf: a row of the tables below one another.
    """
    trees, start = Trees(), 0
    for at, estimator in enumerate(estimators):
        tree = estimator.tree_
        add_sklearn(trees, tree, at, np.arange(start, start + tree.node_count))
        start += tree.node_count
    single = graph.cast(graph.cast(matrix, "float"), "double")  # scikit-learn's trees see single precision
    numbers = graph.cast(trees.node(graph, single, len(estimators)), "int64")
    return graph.total(graph.op("Gather", graph.const(np.vstack(tables)), numbers, axis=0), 1, keep=False)


def gradient_boosting(graph: Graph, matrix: str, estimator: Any) -> str:
    """Return the raw predictions of scikit-learn's GradientBoosting, shape (n_samples, n_values)."""
    trees = Trees()
    for stage in estimator.estimators_:
        for target, one in enumerate(stage):
            add_sklearn(trees, one.tree_, target, estimator.learning_rate * one.tree_.value[:, 0, 0])
    single = graph.cast(graph.cast(matrix, "float"), "double")
    raw = trees.node(graph, single, estimator.estimators_.shape[1])
    start = np.asarray(estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_))), dtype=np.float64)
    return graph.op("Add", raw, graph.const(start))


def histogram_boosting(graph: Graph, matrix: str, estimator: Any) -> str:
    """Return the raw predictions of scikit-learn's HistGradientBoosting, shape (n_samples, n_values)."""
    trees = Trees()
    for stage in estimator._predictors:
        for target, predictor in enumerate(stage):
            _add_histogram(trees, predictor, target)
    order = _reordered(estimator)
    if order is not None:
        matrix = graph.take(matrix, order)
    raw = trees.node(graph, matrix, len(estimator._predictors[0]))
    return graph.op(
        "Add", raw, graph.const(np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(1, -1))
    )


def _add_histogram(trees: Trees, predictor: Any, target: int) -> None:
    nodes = predictor.nodes
    places: list[tuple[int, bool]] = []
    for node in nodes:
        missing = bool(node["missing_go_to_left"])
        if node["is_leaf"]:
            places.append(trees.leaf(node["value"], target))
        elif node["is_categorical"]:
            bits = predictor.raw_left_cat_bitsets[node["bitset_idx"]]
            codes = [code for code in range(256) if bits[code // 32] >> np.uint32(code % 32) & 1]
            places.append((trees.branch(node["feature_idx"], codes, MEMBER, missing_true=missing), False))
        else:
            places.append((trees.branch(node["feature_idx"], node["num_threshold"], LEQ, missing_true=missing), False))
    for node, (at, is_leaf) in zip(nodes, places, strict=True):
        if not is_leaf:
            trees.yes[at], trees.no[at] = places[node["left"]], places[node["right"]]
    trees.root(places[0])


def _reordered(estimator: Any) -> list[int] | None:
    """Return the order of columns that the trees see: scikit-learn puts the categories first."""
    if getattr(estimator, "_preprocessor", None) is None:
        return None
    is_category = np.asarray(estimator.is_categorical_, dtype=bool)
    # is_categorical_ is in the order of the trees; the columns that were declared are in that of the matrix.
    declared = np.zeros(len(is_category), dtype=bool)
    declared[list(estimator.categorical_features)] = True
    return [*np.flatnonzero(declared).tolist(), *np.flatnonzero(~declared).tolist()]
