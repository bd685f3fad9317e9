"""Make mlxtend_predictions.json: what mlxtend predicts where it and this project agree by definition.

    pip install --no-deps mlxtend==0.25.0
    python tests/fusions/parity/mlxtend_predictions.py > tests/fusions/parity/mlxtend_predictions.json

The stored file was made with scikit-learn 1.9.1.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

WEIGHTS = [2, 1]
EVERY = 7  # rows that are stored


def data(name):
    """Return (X, y)."""
    load = {"wine": load_wine, "breast_cancer": load_breast_cancer, "diabetes": load_diabetes}[name]
    return load(return_X_y=True)


def models(name):
    """Return unfitted base models."""
    if name == "diabetes":
        return [LinearRegression(), KNeighborsRegressor()]
    return [GaussianNB(), KNeighborsClassifier()]


def out_of_fold(name):
    """Return out-of-fold predictions, stacked over the models along axis 1."""
    X, y = data(name)
    regression = name == "diabetes"
    cv = KFold(5) if regression else StratifiedKFold(5)
    method = "predict" if regression else "predict_proba"
    return np.stack([cross_val_predict(model, X, y, cv=cv, method=method) for model in models(name)], axis=1)


def refitted(name):
    """Return (predictions, labels) of the models fitted on all rows, for the stored rows."""
    X, y = data(name)
    fitted = [model.fit(X, y) for model in models(name)]
    labels = np.stack([model.predict(X[::EVERY]) for model in fitted], axis=1)
    if name == "diabetes":
        return labels, labels
    return np.stack([model.predict_proba(X[::EVERY]) for model in fitted], axis=1), labels


def made_by_mlxtend():
    """Return predictions of mlxtend's ensembles."""
    from mlxtend.classifier import EnsembleVoteClassifier, StackingCVClassifier
    from mlxtend.regressor import StackingCVRegressor

    found = {}
    for name in ("wine", "breast_cancer"):
        X, y = data(name)
        rows = X[::EVERY]
        for voting in ("hard", "soft"):
            vote = EnsembleVoteClassifier(models(name), voting=voting, weights=WEIGHTS).fit(X, y)
            found[f"{name}_{voting}"] = vote.predict(rows).tolist()
        found[f"{name}_soft_proba"] = vote.predict_proba(rows).tolist()
        stack = StackingCVClassifier(
            models(name),
            LogisticRegression(),
            use_probas=True,
            drop_proba_col="first" if name == "breast_cancer" else None,
            cv=5,
            shuffle=False,
        ).fit(X, y)
        found[f"{name}_stacking"] = stack.predict_proba(rows).tolist()
    X, y = data("diabetes")
    stack = StackingCVRegressor(models("diabetes"), LinearRegression(), cv=5, shuffle=False).fit(X, y)
    found["diabetes_stacking"] = stack.predict(X[::EVERY]).tolist()
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump({"made_with": f"mlxtend {version('mlxtend')}", "predictions": made_by_mlxtend()}, sys.stdout)
    print()
