"""Fitted learners as ONNX nodes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from fusebench.errors import ModelError
from fusebench.export import _boosters, _trees
from fusebench.export._graph import OPSETS, Graph

ABLE = (
    "linear models, nearest neighbours, trees, forests, boosting (also XGBoost and LightGBM), naive Bayes, "
    "support vectors, discriminant analysis and multi-layer perceptrons of scikit-learn have"
)

CALIBRATED_BY_PROBA = frozenset(
    {"DecisionTreeClassifier", "ExtraTreesClassifier", "RandomForestClassifier", "XGBClassifier", "LGBMClassifier"}
)
TREES_INSIDE = CALIBRATED_BY_PROBA | {
    "AdaBoostClassifier",
    "GradientBoostingClassifier",
    "HistGradientBoostingClassifier",
}
SINGLE_PRECISION_TREES = frozenset({"TreeEnsembleClassifier", "TreeEnsembleRegressor"})  # deprecated; see `_trees`


@dataclass(frozen=True)
class Answer:
    """What a model says, as names in a graph.

    Parameters
    ----------
    labels : str
        Class codes, int64, or values, double; shape (n_samples,).
    proba : str
        Probabilities, double, shape (n_samples, n_classes); empty for regression.
    """

    labels: str
    proba: str = ""


def learner(graph: Graph, fitted: Any, matrix: str, width: int) -> Answer:
    """Return what a fitted learner says of a matrix of doubles with so many columns.

    Raises
    ------
    ModelError
        If its estimator has no ONNX form.
    """
    if fitted.classes is None:
        return Answer(_regressor(graph, fitted.estimator, matrix, width))
    estimator, classes = fitted.estimator, np.asarray(fitted.classes, dtype=np.int64)
    if type(estimator).__name__ == "Constant":
        one = np.eye(fitted.n_classes)[classes[0]]
        return Answer(graph.flat(graph.expanded_like(classes[:1], matrix)), graph.expanded_like(one, matrix))
    found = _classifier(graph, estimator, matrix, width)
    labels = graph.op("Gather", graph.const(classes), found.labels, axis=0)
    if len(classes) == fitted.n_classes:
        return Answer(labels, found.proba)
    spread = np.zeros((len(classes), fitted.n_classes))
    spread[np.arange(len(classes)), classes] = 1.0
    return Answer(labels, graph.op("MatMul", found.proba, graph.const(spread)))


def _classifier(graph: Graph, estimator: Any, matrix: str, width: int) -> Answer:
    """Return positions among the estimator's classes, and their probabilities."""
    link = "softmax" if len(getattr(estimator, "classes_", ())) > 2 else "logistic"  # of scikit-learn's boosting
    own = {
        "AdaBoostClassifier": lambda: _ada_boost(graph, estimator, matrix),
        "DecisionTreeClassifier": lambda: _by_proba(graph, _trees.mean_leaf_values(graph, matrix, [estimator])),
        "ExtraTreesClassifier": lambda: _by_proba(graph, _trees.mean_leaf_values(graph, matrix, estimator.estimators_)),
        "RandomForestClassifier": lambda: _by_proba(
            graph, _trees.mean_leaf_values(graph, matrix, estimator.estimators_)
        ),
        "GradientBoostingClassifier": lambda: _boosted(graph, _gradient_boosting(graph, matrix, estimator), link),
        "HistGradientBoostingClassifier": lambda: _boosted(
            graph, _trees.histogram_boosting(graph, matrix, estimator), link
        ),
        "XGBClassifier": lambda: _boosted(graph, *_boosters.xgboost(graph, matrix, estimator)),
        "LGBMClassifier": lambda: _boosted(graph, *_boosters.lightgbm(graph, matrix, estimator)),
        "LinearDiscriminantAnalysis": lambda: _converted(graph, _as_logistic(estimator), matrix, width),
        "Calibrated": lambda: _calibrated(graph, estimator, matrix, width),
        "CalibratedWithOwnLabels": lambda: Answer(
            _converted(graph, estimator.calibrated_classifiers_[0].estimator, matrix, width, proba=False).labels,
            _converted(graph, _as_scikit(estimator), matrix, width).proba,
        ),
    }  # fmt: skip
    return own.get(type(estimator).__name__, lambda: _converted(graph, estimator, matrix, width))()


def _regressor(graph: Graph, estimator: Any, matrix: str, width: int) -> str:
    """Return values, shape (n_samples,)."""
    forest = {"ExtraTreesRegressor", "RandomForestRegressor"}
    name = type(estimator).__name__
    if name in forest or name == "DecisionTreeRegressor":
        several = estimator.estimators_ if name in forest else [estimator]
        return graph.flat(_trees.mean_leaf_values(graph, matrix, several))
    if name == "GradientBoostingRegressor":
        return graph.flat(_trees.gradient_boosting(graph, matrix, estimator))
    if name == "HistGradientBoostingRegressor":
        raw = _trees.histogram_boosting(graph, matrix, estimator)
        return graph.flat(graph.op("Exp", raw) if estimator.loss in {"gamma", "poisson"} else raw)
    if name in {"XGBRegressor", "LGBMRegressor"}:
        read = _boosters.xgboost if name == "XGBRegressor" else _boosters.lightgbm
        raw, link = read(graph, matrix, estimator)
        through = {"identity": "Identity", "exp": "Exp", "logistic": "Sigmoid"}[link]
        return graph.flat(graph.cast(graph.op(through, raw), "double"))
    return _scikit_converted(graph, estimator, matrix, width, {})[0]


def _by_proba(graph: Graph, proba: str) -> Answer:
    return Answer(graph.argmax(proba), proba)


def _boosted(graph: Graph, raw: str, link: str) -> Answer:
    """Return the answer of raw scores: one column of log odds, or one per class."""
    if link == "softmax":
        return _by_proba(graph, graph.cast(graph.op("Softmax", raw, axis=1), "double"))
    if link != "logistic":
        raise ModelError("a classifier with this objective has no ONNX form")
    second = graph.cast(graph.op("Sigmoid", raw), "double")
    return _by_proba(graph, graph.hstack([graph.op("Sub", graph.const(1.0), second), second]))


def _gradient_boosting(graph: Graph, matrix: str, estimator: Any) -> str:
    raw = _trees.gradient_boosting(graph, matrix, estimator)
    # The exponential loss is that of half the log odds.
    return graph.op("Mul", raw, graph.const(2.0)) if estimator.loss == "exponential" else raw


def _ada_boost(graph: Graph, estimator: Any, matrix: str) -> Answer:
    if not all(hasattr(one, "tree_") for one in estimator.estimators_):
        raise ModelError("AdaBoost over other models than trees has no ONNX form")
    scores = _trees.weighted_votes(graph, matrix, estimator)
    return _by_proba(
        graph, graph.op("Softmax", graph.op("Div", scores, graph.const(estimator.n_classes_ - 1.0)), axis=1)
    )


def _as_logistic(estimator: Any) -> Any:
    """Return a logistic regression with the line of a discriminant: the same formula, which skl2onnx has right."""
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression()
    found.classes_, found.coef_, found.intercept_ = estimator.classes_, estimator.coef_, estimator.intercept_
    found.n_features_in_ = estimator.n_features_in_
    return found


def _calibrated(graph: Graph, estimator: Any, matrix: str, width: int) -> Answer:
    """Return a calibrated classifier; trees inside, whose probabilities are calibrated, by their own conversion."""
    pairs = estimator.calibrated_classifiers_
    inside = type(pairs[0].estimator).__name__
    if inside not in TREES_INSIDE:
        return _converted(graph, _as_scikit(estimator), matrix, width)
    if inside not in CALIBRATED_BY_PROBA or estimator.method != "sigmoid":
        raise ModelError(f"{inside} with calibrate: {estimator.method} has no ONNX form; without calibrate it has one")
    n_classes = len(estimator.classes_)
    found = []
    for pair in pairs:
        proba = _classifier(graph, pair.estimator, matrix, width).proba
        columns = graph.take(proba, [1]) if n_classes == 2 else proba
        slope, shift = (np.array([[getattr(one, name) for one in pair.calibrators]]) for name in ("a_", "b_"))
        line = graph.op("Add", graph.op("Mul", columns, graph.const(-slope)), graph.const(-shift))
        curve = graph.op("Sigmoid", line)
        if n_classes == 2:
            found.append(graph.hstack([graph.op("Sub", graph.const(1.0), curve), curve]))
        else:
            found.append(graph.op("Div", curve, graph.total(curve)))
    summed = found[0]
    for one in found[1:]:
        summed = graph.op("Add", summed, one)
    return _by_proba(graph, graph.op("Div", summed, graph.const(float(len(found)))))


def _as_scikit(estimator: Any) -> Any:
    """Return a calibrated classifier as scikit-learn's own class, which skl2onnx knows."""
    from sklearn.calibration import CalibratedClassifierCV

    found = CalibratedClassifierCV(estimator.estimator, method=estimator.method, ensemble=estimator.ensemble)
    found.__dict__.update(estimator.__dict__)
    return found


def _converted(graph: Graph, estimator: Any, matrix: str, width: int, *, proba: bool = True) -> Answer:
    options = {"zipmap": False} if hasattr(estimator, "predict_proba") else {}
    if proba and not options:
        raise ModelError(f"{type(estimator).__name__} has no probabilities to export")
    outputs = _scikit_converted(graph, estimator, matrix, width, options)
    labels = graph.cast(outputs[0], "int64")
    return Answer(labels, graph.cast(outputs[1], "double") if options else "")


def _scikit_converted(graph: Graph, estimator: Any, matrix: str, width: int, options: dict[str, Any]) -> list[str]:
    """Return the outputs of what skl2onnx makes of an estimator: in doubles, in single precision where that fails."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    failures = []
    for kind, precision in ((DoubleTensorType, "double"), (FloatTensorType, "float")):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = to_onnx(
                    estimator,
                    initial_types=[("X", kind([None, width]))],
                    options={id(estimator): options} if options else None,
                    target_opset={"": OPSETS[""], "ai.onnx.ml": 3},
                )
            _try(model, width, precision)
        except Exception as error:  # noqa: BLE001 - a converter for a foreign class can fail in any way
            failures.append(error)
            continue
        outputs = graph.attach(model, matrix if precision == "double" else graph.cast(matrix, "float"))
        first = graph.flat(outputs[0])
        return [graph.cast(first, "double") if not options else first, *outputs[1:]]
    raise ModelError(f"{type(estimator).__name__} has no ONNX form ({_short(failures[0])}); {ABLE}") from failures[0]


def _try(model: Any, width: int, precision: str) -> None:
    """Run a model once: some have nodes that no runtime knows in this precision.

    Raises
    ------
    ModelError
        If it holds trees that would lose their precision.
    """
    if any(node.op_type in SINGLE_PRECISION_TREES for node in model.graph.node):
        raise ModelError("it has trees inside")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"]
    )
    session.run(None, {"X": np.zeros((2, width), dtype=np.float64 if precision == "double" else np.float32)})


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
