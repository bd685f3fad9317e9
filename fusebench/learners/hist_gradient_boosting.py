"""Gradient boosting on binned features (scikit-learn)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from fusebench.learners.base import Family, number

MAX_CATEGORIES = 255  # scikit-learn refuses a categorical feature with more values than bins


class HistGradientBoosting(Family):
    """Trees in sequence on features cut into 255 bins, with native categories and missing values.

    It stops early by itself when it has more than 10,000 rows, on rows held out of the training part.
    A column with more than 255 categories is used as a number (its code).
    """

    classifier = "sklearn.ensemble.HistGradientBoostingClassifier"
    regressor = "sklearn.ensemble.HistGradientBoostingRegressor"
    encoder = "native"
    traits: ClassVar[Mapping[str, Any]] = {"trees": (("max_iter",), 100)}
    accepts_sparse = False
    rows_are_independent = True

    def categorical(self, X: Any, columns: Sequence[int]) -> tuple[dict[str, Any], dict[str, Any], str]:
        """Declare the columns that have few enough categories."""
        few = [column for column in columns if np.unique(X[:, column]).size <= MAX_CATEGORIES]
        note = "" if len(few) == len(columns) else f"columns of over {MAX_CATEGORIES} categories are used as numbers"
        return ({"categorical_features": few} if few else {}), {}, note

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: one tree per round and class."""
        trees = number(params, "max_iter", 100) * (n_classes if n_classes > 2 else 1)
        return trees * (2e-3 + 5e-9 * n_samples * n_features)
