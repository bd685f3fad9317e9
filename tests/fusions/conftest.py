"""A meta-learner builder made of plain scikit-learn, and contexts around prediction tensors."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score
from threadpoolctl import threadpool_limits

from fusebench.fusions.base import Context

FAMILIES = {
    "logistic_regression": ("sklearn.linear_model.LogisticRegression", "sklearn.linear_model.LogisticRegression"),
    "ridge": ("sklearn.linear_model.RidgeClassifier", "sklearn.linear_model.Ridge"),
    "decision_tree": ("sklearn.tree.DecisionTreeClassifier", "sklearn.tree.DecisionTreeRegressor"),
    "lightgbm": ("lightgbm.LGBMClassifier", "lightgbm.LGBMRegressor"),
    "linear_regression": ("sklearn.linear_model.LinearRegression", "sklearn.linear_model.LinearRegression"),
}


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Fusions run with one thread in a benchmark too; several would only wait for each other here."""
    with threadpool_limits(1):
        yield


@dataclass
class PlainFitted:
    estimator: Any
    n_classes: int

    def predict(self, X):
        return self.estimator.predict(X)

    def predict_proba(self, X):
        full = np.zeros((X.shape[0], self.n_classes))
        full[:, self.estimator.classes_.astype(int)] = self.estimator.predict_proba(X)
        return full


def plain_fit_learner(
    learner, X, y, *, target_type, n_classes, sample_weight=None, groups=None, random_state=None, proba=True
):
    dotted = FAMILIES.get(learner.type, (learner.type, learner.type))[target_type == "continuous"]
    module, _, name = dotted.rpartition(".")
    cls = getattr(import_module(module), name)
    params = dict(learner.params)
    if "random_state" in cls().get_params():
        params.setdefault("random_state", random_state)
    if name.startswith("LGBM"):
        params.setdefault("verbose", -1)
        params.setdefault("n_jobs", 1)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    return PlainFitted(cls(**params).fit(X, y, **weights), n_classes)


def accuracy(y, labels, proba):
    return float(accuracy_score(y, labels))


def r2(y, labels, proba):
    return float(r2_score(y, labels))


@pytest.fixture
def make_context():
    """Return a function that makes the context of a prediction tensor."""

    def make(P, **changes):
        P = np.asarray(P)
        classification = P.ndim == 3
        n_classes = P.shape[2] if classification else 0
        target_type = ("binary" if n_classes == 2 else "multiclass") if classification else "continuous"
        settings = {
            "target_type": target_type,
            "classes": np.arange(n_classes),
            "members": tuple(f"m{index}" for index in range(P.shape[1])),
            "labels": P.argmax(axis=2) if classification else P,
            "score": accuracy if classification else r2,
            "metric": "accuracy" if classification else "r2",
            "fit_learner": plain_fit_learner,
        }
        return Context(**{**settings, **changes})

    return make


@pytest.fixture
def make_problem(make_context):
    """Return a function that makes (P, y, context): noisy members of decreasing quality, five inner folds."""

    def make(target_type="multiclass", n_samples=200, n_members=4, seed=0, **changes):
        rng = np.random.default_rng(seed)
        noise = np.linspace(1.0, 3.0, n_members)
        if target_type == "continuous":
            y = rng.normal(size=n_samples) * 2 + 5
            P = y[:, None] + rng.normal(size=(n_samples, n_members)) * noise / 2
        else:
            n_classes = 2 if target_type == "binary" else 3
            y = rng.permutation(np.arange(n_samples) % n_classes)
            logits = (
                2 * np.eye(n_classes)[y][:, None, :]
                + rng.normal(size=(n_samples, n_members, n_classes)) * noise[:, None]
            )
            P = np.exp(logits)
            P /= P.sum(axis=2, keepdims=True)
        import pandas as pd

        X = pd.DataFrame(rng.normal(size=(n_samples, 3)), columns=["a", "b", "c"])
        settings = {"X": X, "fold": np.arange(n_samples) % 5, **changes}
        return P, y, make_context(P, **settings)

    return make
