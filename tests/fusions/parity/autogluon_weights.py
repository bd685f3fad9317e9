"""Make autogluon_weights.json: the weights of AutoGluon's EnsembleSelection on tables made here.

    python -m venv agvenv
    agvenv/bin/pip install numpy scipy pandas scikit-learn psutil tqdm requests networkx matplotlib typing_extensions
    agvenv/bin/pip install --no-deps autogluon.core==1.6.0 autogluon.common==1.6.0 autogluon.features==1.6.0
    agvenv/bin/python tests/fusions/parity/autogluon_weights.py > tests/fusions/parity/autogluon_weights.json

The stored file was made with numpy 2.4.6, pandas 3.1.1 and scikit-learn 1.9.1.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import numpy as np

# name: (rows, members, classes (0: regression), decimals of the predictions, AutoGluon's metric, ours, iterations)
TABLES = {
    "binary_auc": (2000, 12, 2, 4, "roc_auc", "roc_auc", 40),
    "binary_auc_many_ties": (500, 12, 2, 1, "roc_auc", "roc_auc", 40),
    "five_classes_accuracy": (1500, 12, 5, 4, "accuracy", "accuracy", 40),
    "three_classes_accuracy_many_ties": (400, 10, 3, 1, "accuracy", "accuracy", 40),
    "nine_classes_accuracy_many_ties": (400, 10, 9, 1, "accuracy", "accuracy", 25),
    "binary_accuracy": (800, 10, 2, 2, "accuracy", "accuracy", 40),
    "binary_log_loss": (2000, 12, 2, 4, "log_loss", "neg_log_loss", 40),
    "three_classes_log_loss": (2000, 12, 3, 4, "log_loss", "neg_log_loss", 40),
    "certain_log_loss": (300, 6, 2, 1, "log_loss", "neg_log_loss", 25),
    "easy_auc": (60, 8, 2, 2, "roc_auc", "roc_auc", 25),
    "single_precision_auc": (2000, 12, 2, 4, "roc_auc", "roc_auc", 40),
    "single_precision_accuracy": (600, 12, 4, 1, "accuracy", "accuracy", 40),
    "single_precision_log_loss": (2000, 12, 2, 4, "log_loss", "neg_log_loss", 40),
    "single_precision_three_classes": (1000, 12, 3, 4, "log_loss", "neg_log_loss", 40),
    "values_rmse": (1000, 10, 0, 4, "root_mean_squared_error", "neg_root_mean_squared_error", 40),
    "values_r2": (1000, 10, 0, 4, "r2", "r2", 40),
    "values_mae": (1000, 10, 0, 4, "mean_absolute_error", "neg_mean_absolute_error", 40),
}


def table(name):
    """Return (P, y) of one table; the last member repeats the second."""
    n_samples, n_members, n_classes, decimals = TABLES[name][:4]
    rng = np.random.default_rng(list(TABLES).index(name))
    noise = rng.uniform(0.6, 3.0, n_members)
    if n_classes == 0:
        y = np.round(rng.normal(size=n_samples) * 3, decimals)
        bias = rng.normal(size=n_members) / 3
        P = np.round(y[:, None] + bias + rng.normal(size=(n_samples, n_members)) * noise, decimals)
    else:
        signal = 8.0 if name.startswith("easy") else 1.2
        y = rng.integers(0, n_classes, n_samples)
        shared = rng.normal(size=(n_samples, 1, n_classes))
        logits = signal * np.eye(n_classes)[y][:, None] + shared
        logits = logits + rng.normal(size=(n_samples, n_members, n_classes)) * noise[:, None]
        P = np.exp(logits)
        P = np.round(P / P.sum(axis=2, keepdims=True), decimals)
        P[P.sum(axis=2) == 0] = 1 / n_classes
        if n_classes == 2:
            P[:, :, 0] = 1 - P[:, :, 1]
    P[:, -1] = P[:, 1]
    return P.astype(np.float32) if name.startswith("single") else P, y


def weights_of(name):
    """Return AutoGluon's weights."""
    from autogluon.core import metrics
    from autogluon.core.models.greedy_ensemble.ensemble_selection import EnsembleSelection

    P, y = table(name)
    n_classes, metric, n_iterations = TABLES[name][2], TABLES[name][4], TABLES[name][6]
    problem_type = {0: "regression", 2: "binary"}.get(n_classes, "multiclass")
    predictions = [np.ascontiguousarray(P[:, j, 1] if n_classes == 2 else P[:, j]) for j in range(P.shape[1])]
    selection = EnsembleSelection(n_iterations, problem_type=problem_type, metric=getattr(metrics, metric))
    return selection.fit(predictions, y).weights_.tolist()


if __name__ == "__main__":
    made_with = f"autogluon.core {version('autogluon.core')}"
    json.dump({"made_with": made_with, "weights": {name: weights_of(name) for name in TABLES}}, sys.stdout, indent=1)
    print()
