"""A decision tree."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import Any

from fusebench.learners.base import Family


class DecisionTree(Family):
    """One tree (CART), grown until its leaves are pure."""

    classifier = "sklearn.tree.DecisionTreeClassifier"
    regressor = "sklearn.tree.DecisionTreeRegressor"
    encoder = "ordinal"
    labels_follow_proba = True
    rows_are_independent = True

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: n log n per feature."""
        return 1e-3 + 4e-8 * n_samples * log2(n_samples + 2) * n_features
