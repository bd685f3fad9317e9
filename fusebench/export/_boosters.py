"""The trees of XGBoost and LightGBM, read from their own descriptions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from fusebench.errors import ModelError
from fusebench.export._graph import Graph
from fusebench.export._trees import LEQ, LT, MEMBER, Trees

LINKS = {
    "binary": "logistic",
    "binary:logistic": "logistic",
    "count:poisson": "exp",
    "gamma": "exp",
    "huber": "identity",
    "multi:softmax": "softmax",
    "multi:softprob": "softmax",
    "multiclass": "softmax",
    "poisson": "exp",
    "quantile": "identity",
    "reg:absoluteerror": "identity",
    "reg:gamma": "exp",
    "reg:pseudohubererror": "identity",
    "reg:squarederror": "identity",
    "reg:tweedie": "exp",
    "regression": "identity",
    "regression_l1": "identity",
    "tweedie": "exp",
}


def xgboost(graph: Graph, matrix: str, estimator: Any) -> tuple[str, str]:
    """Return the margins, shape (n_samples, n_values), in single precision, and the link."""
    booster = estimator.get_booster()
    described = json.loads(booster.save_raw("json").decode())["learner"]
    boosted = described["gradient_booster"]
    if boosted["name"] != "gbtree":
        raise ModelError(f"XGBoost's booster '{boosted['name']}' has no ONNX form; gbtree has")
    if estimator.missing is not None and not np.isnan(estimator.missing):
        raise ModelError("XGBoost's 'missing' other than NaN has no ONNX form")
    link = _link(described["objective"]["name"])
    content = boosted["model"]
    rounds = getattr(estimator, "best_iteration", None) if described["attributes"].get("best_iteration") else None
    kept = len(content["trees"]) if rounds is None else content["iteration_indptr"][rounds + 1]
    n_targets = max(1, int(described["learner_model_param"]["num_class"]))
    trees = Trees()
    for tree, target in zip(content["trees"][:kept], content["tree_info"][:kept], strict=True):
        if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
            raise ModelError("XGBoost's trees with several outputs have no ONNX form")
        _add_xgboost(trees, tree, target)
    single = graph.cast(graph.cast(matrix, "float"), "double")
    raw = trees.node(graph, single, n_targets)
    start = graph.const(_xgboost_start(described, link, n_targets))
    return graph.cast(graph.op("Add", raw, start), "float"), link


def _xgboost_start(described: dict[str, Any], link: str, n_targets: int) -> Any:
    told = np.array(json.loads(f"[{described['learner_model_param']['base_score'].strip('[]')}]"), dtype=np.float64)
    if link == "logistic":
        told = np.log(told / (1 - told))
    elif link == "exp":
        told = np.log(told)
    return np.broadcast_to(told, n_targets)[None, :].copy()


def _add_xgboost(trees: Trees, tree: dict[str, Any], target: int) -> None:
    left, right = tree["left_children"], tree["right_children"]
    sets = {
        node: tree["categories"][start : start + size]
        for node, start, size in zip(
            tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
        )
    }
    places: list[tuple[int, bool]] = []
    for node, split in enumerate(tree["split_conditions"]):
        feature, goes_left = tree["split_indices"][node], bool(tree["default_left"][node])
        if left[node] < 0:
            places.append(trees.leaf(float(np.float32(split)), target))
        elif node in sets:
            # A category of the set goes right, others and missing ones where the node says.
            places.append((trees.branch(feature, sets[node], MEMBER, missing_true=not goes_left), False))
        else:
            places.append((trees.branch(feature, float(np.float32(split)), LT, missing_true=goes_left), False))
    for node, (at, is_leaf) in enumerate(places):
        if not is_leaf:
            both = places[left[node]], places[right[node]]
            trees.yes[at], trees.no[at] = both[::-1] if node in sets else both
    trees.root(places[0])


def lightgbm(graph: Graph, matrix: str, estimator: Any) -> tuple[str, str]:
    """Return the raw scores, shape (n_samples, n_values), and the link."""
    described = estimator.booster_.dump_model(num_iteration=estimator.best_iteration_ or -1)
    words = described["objective"].split()
    link = _link(words[0])
    if "sqrt" in words[1:]:
        raise ModelError("LightGBM's reg_sqrt has no ONNX form")
    n_targets = described["num_tree_per_iteration"]
    trees = Trees()
    for at, tree in enumerate(described["tree_info"]):
        trees.root(_add_lightgbm(trees, tree["tree_structure"], at % n_targets))
    raw = trees.node(graph, matrix, n_targets)
    if described.get("average_output"):
        raw = graph.op("Div", raw, graph.const(len(described["tree_info"]) / n_targets))
    steep = [float(word.partition(":")[2]) for word in words if word.startswith("sigmoid:")]
    return (graph.op("Mul", raw, graph.const(steep[0])) if steep else raw), link


def _add_lightgbm(trees: Trees, node: dict[str, Any], target: int) -> tuple[int, bool]:
    if "leaf_value" in node:
        if "leaf_coeff" in node:
            raise ModelError("LightGBM's linear trees have no ONNX form")
        return trees.leaf(node["leaf_value"], target)
    missing = node["missing_type"]
    if node["decision_type"] == "==":
        codes = [float(code) for code in str(node["threshold"]).split("||")]
        at = trees.branch(node["split_feature"], codes, MEMBER, missing_true=False)
    elif missing == "Zero":
        raise ModelError("LightGBM's zero_as_missing has no ONNX form")
    else:
        # Where training saw none, a missing value counts as 0.
        yes = node["default_left"] if missing == "NaN" else node["threshold"] >= 0
        at = trees.branch(node["split_feature"], node["threshold"], LEQ, missing_true=bool(yes))
    trees.yes[at] = _add_lightgbm(trees, node["left_child"], target)
    trees.no[at] = _add_lightgbm(trees, node["right_child"], target)
    return at, False


def _link(objective: str) -> str:
    if objective not in LINKS:
        raise ModelError(f"the objective '{objective}' has no ONNX form; those of {', '.join(sorted(LINKS))} have")
    return LINKS[objective]
