"""What the forests share."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import Any, ClassVar

import numpy as np

from fusebench.learners.base import Family, Floats, number

# By method, the classes for which it is the plain mean over the trees, each of which may be asked directly.
MEANS_OF_TREES = {
    "predict_proba": (
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._forest.ExtraTreesClassifier",
    ),
    "predict": ("sklearn.ensemble._forest.RandomForestRegressor", "sklearn.ensemble._forest.ExtraTreesRegressor"),
}


class _Forest(Family):
    """Trees grown independently, each with its own seed."""

    encoder = "ordinal"
    threads = "n_jobs"
    traits: ClassVar[Mapping[str, Any]] = {"trees": (("n_estimators",), 100)}
    # Threads add the trees' votes in the order in which they finish.
    predicts_with_one_thread = True
    labels_follow_proba = True
    rows_are_independent = True
    seconds_per_split = 1.2e-8

    def answer(self, estimator: Any, method: str, X: Any) -> Any:
        """Return the mean of the trees, added up in their order.

        scikit-learn checks, locks and dispatches for each tree: 0.04 ms each, most of what a forest takes to answer a
        few hundred rows.
        """
        path = f"{type(estimator).__module__}.{type(estimator).__qualname__}"
        rows = _as_trees_want(X, estimator) if path in MEANS_OF_TREES.get(method, ()) else None
        if rows is None:
            return getattr(estimator, method)(X)
        trees = [tree.tree_ for tree in estimator.estimators_]
        total = np.zeros((len(rows), trees[0].max_n_classes))
        for tree in trees:
            total += tree.predict(rows)
        total /= len(trees)
        return total if method == "predict_proba" else total[:, 0]

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: n log n per tree, over the features looked at."""
        looked_at = n_features**0.5 if n_classes else n_features
        per_tree = 7e-4 + self.seconds_per_split * n_samples * log2(n_samples + 2) * looked_at
        return number(params, "n_estimators", 100) * per_tree


def _as_trees_want(X: Any, forest: Any) -> Floats | None:
    """Return rows as scikit-learn hands them to each tree; None where it does more than convert them."""
    if not isinstance(X, np.ndarray) or X.ndim != 2 or X.shape[1] != forest.n_features_in_ or forest.n_outputs_ != 1:
        return None
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(X, dtype=np.float32)
    if np.isfinite(rows).all():
        return rows
    takes_missing = getattr(forest.estimators_[0], "_support_missing_values", None)
    return None if takes_missing is None or np.isinf(rows).any() or not takes_missing(rows) else rows
