"""scikit-learn's scorers on stored predictions."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, make_scorer

from fusebench.errors import FitError
from fusebench.metrics._names import NEEDS_PROBA

# These take the classes from the rows unless they are told; a test fold may lack one.
TOLD_LABELS = frozenset({"d2_brier_score", "d2_log_loss_score", "neg_brier_score", "neg_log_loss", "top_k_accuracy"})

# These average over the classes that they find among the labels; an abstention (-1) is none.
PER_CLASS = ("f1", "jaccard", "precision", "recall")


class _StoredClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """A classifier whose answers are known."""

    def __init__(self, labels: NDArray[Any], proba: NDArray[Any] | None, n_classes: int) -> None:
        self.labels = labels
        self.proba = proba
        self.classes_ = np.arange(n_classes)

    def predict(self, X: Any) -> NDArray[Any]:
        return self.labels

    def predict_proba(self, X: Any) -> NDArray[Any] | None:
        return self.proba


class _StoredRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """A regressor whose answers are known."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values

    def predict(self, X: Any) -> NDArray[Any]:
        return self.values


def score(name: str, y: NDArray[Any], labels: NDArray[Any], proba: NDArray[Any] | None, n_classes: int) -> float:
    """Return scikit-learn's score; see `fusebench.metrics.score`."""
    if name in NEEDS_PROBA and proba is None:
        raise FitError(f"{name} needs probabilities")
    present = n_classes if n_classes == 0 else len(np.unique(y))
    estimator: Any = _StoredClassifier(labels, proba, n_classes) if n_classes else _StoredRegressor(labels)
    if name in NEEDS_PROBA and present < n_classes and name not in TOLD_LABELS:
        raise FitError(f"{name} is not defined: the test rows hold {present} of {n_classes} classes")
    abstains = n_classes > 0 and labels.min(initial=0) < 0
    if abstains and name.startswith(PER_CLASS):
        return _score_per_class(name, y, labels)
    scorer = _scorer(name, n_classes if present < n_classes and name in TOLD_LABELS else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an undefined precision is 0, as scikit-learn says each time
        value = float(scorer(estimator, None, y))
    if not np.isfinite(value):
        raise FitError(f"{name} is not defined on these {len(y)} rows (it is {value})")
    return value


def _score_per_class(name: str, y: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return a mean over the classes that are there; an abstention is wrong, and no class of its own."""
    scorer = get_scorer(name)
    told: dict[str, Any] = {"labels": np.union1d(y, labels[labels >= 0])}
    if scorer._kwargs.get("average") == "binary":
        told = {"labels": np.array([1]), "average": "macro"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an undefined precision is 0
        return float(scorer._sign * scorer._score_func(y, labels, **{**scorer._kwargs, **told}))


@cache
def _scorer(name: str, n_classes: int | None) -> Any:
    """Return scikit-learn's scorer, told all classes where `n_classes` is given."""
    scorer = get_scorer(name)
    if n_classes is None:
        return scorer
    return make_scorer(
        scorer._score_func,
        greater_is_better=scorer._sign > 0,
        response_method=scorer._response_method,
        labels=np.arange(n_classes),
        **scorer._kwargs,
    )
