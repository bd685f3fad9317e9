"""Make deslib_predictions.json: what DESlib's dynamic selection predicts on tables made here.

    python3.11 -m venv desvenv
    desvenv/bin/pip install deslib==0.3.7 'scikit-learn==1.5.2' 'numpy<2'
    desvenv/bin/python tests/fusions/parity/deslib_predictions.py > tests/fusions/parity/deslib_predictions.json

DESlib 0.3.7 does not run on scikit-learn 1.7 or newer. The stored file was made with numpy 1.26.4.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version

import numpy as np

# name: (members, features of each member, whether features are scaled)
TABLES = {
    "iris": (5, 1, True),
    "wine": (8, 2, True),
    "wine_raw": (8, 2, False),
    "breast_cancer": (10, 2, True),
    "digits": (12, 6, True),
    "stripes": (6, 2, True),
}
METHODS = {
    "knora_e": {},
    "knora_u": {},
    "ola": {},
    "lca": {},
    "meta_des": {},
    "knora_e_pruned": {"dfp": True, "k": 9},
    "knora_u_pruned": {"dfp": True},
    "ola_pruned": {"dfp": True},
    "meta_des_weighting": {"mode": "weighting", "k": 5, "kp": 3},
    "meta_des_hybrid": {"mode": "hybrid", "hc": 0.8, "selection_threshold": 0.6},
}


def data(name):
    """Return (X, y)."""
    from sklearn import datasets

    if name == "stripes":
        rng = np.random.default_rng(3)
        X = rng.uniform(0, 4, size=(600, 2))
        return X, (X[:, 0].astype(int) + X[:, 1].astype(int)) % 4
    if name == "digits":
        X, y = datasets.load_digits(return_X_y=True)
        # Pixels of equal value make equal distances, which either tool breaks in its own way.
        return X[:900] + np.random.default_rng(0).normal(size=(900, X.shape[1])) / 10, y[:900]
    load = {"iris": datasets.load_iris, "wine": datasets.load_wine, "wine_raw": datasets.load_wine}
    X, y = load.get(name, datasets.load_breast_cancer)(return_X_y=True)
    return X + np.random.default_rng(1).normal(size=X.shape) * X.std(axis=0) / 1000, y


def table(name):
    """Return (X, y, P) of all rows, the members' probabilities rounded; a third of the rows is for prediction."""
    n_members, n_features, scaled = TABLES[name]
    X, y = data(name)
    rng = np.random.default_rng(len(name))
    Z = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
    P = np.empty((len(y), n_members, y.max() + 1))
    for member in range(n_members):
        columns = rng.choice(X.shape[1], min(n_features, X.shape[1]), replace=False)
        rows = rng.choice(len(y), len(y) // 3, replace=False)
        centres = np.stack([Z[rows][y[rows] == code][:, columns].mean(axis=0) for code in range(y.max() + 1)])
        logits = -((Z[:, None, columns] - centres) ** 2).sum(axis=2)
        proba = np.exp(logits - logits.max(axis=1, keepdims=True))
        P[:, member] = np.round(proba / proba.sum(axis=1, keepdims=True), 4)
    P += 1e-6 * np.arange(P.shape[2])[::-1]  # no ties between classes
    return (Z if scaled else X), y, P / P.sum(axis=2, keepdims=True)


def is_test(n_samples):
    """Return which rows are predicted."""
    return np.arange(n_samples) % 3 == 0


class Stored:
    """A fitted classifier that looks its answers up."""

    def __init__(self, X, P, classes):
        self.answers = {row.tobytes(): answer for row, answer in zip(X, P, strict=True)}
        self.classes_ = classes

    def fit(self, X, y):
        """Do nothing; an estimator has this method."""
        return self

    def predict_proba(self, X):
        """Return probabilities."""
        return np.array([self.answers[row.tobytes()] for row in np.ascontiguousarray(X)])

    def predict(self, X):
        """Return labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def made_by_deslib(name):
    """Return predictions of every method, and the probabilities of some."""
    from deslib.dcs.lca import LCA
    from deslib.dcs.ola import OLA
    from deslib.des.knora_e import KNORAE
    from deslib.des.knora_u import KNORAU
    from deslib.des.meta_des import METADES

    classes = {"knora_e": KNORAE, "knora_u": KNORAU, "ola": OLA, "lca": LCA, "meta_des": METADES}
    theirs = {"dfp": "DFP", "kp": "Kp", "hc": "Hc"}
    X, y, P = table(name)
    test = is_test(len(y))
    pool = [Stored(X, P[:, member], np.unique(y)) for member in range(P.shape[1])]
    found = {}
    for method, params in METHODS.items():
        kind = next(cls for prefix, cls in classes.items() if method.startswith(prefix))
        named = {theirs.get(key, key): value for key, value in params.items()}
        model = kind(pool, n_jobs=1, **named).fit(X[~test], y[~test])
        found[method] = {"labels": model.predict(X[test]).tolist()}
        if name in ("wine", "breast_cancer"):
            found[method]["proba"] = np.round(model.predict_proba(X[test]), 12).tolist()
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    made_with = f"DESlib {version('DESlib')}, scikit-learn {version('scikit-learn')}"
    json.dump({"made_with": made_with, "predictions": {name: made_by_deslib(name) for name in TABLES}}, sys.stdout)
    print()
