"""Gradient boosting with exact splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fusebench.learners.base import Family, number


class GradientBoosting(Family):
    """Small trees in sequence on the gradient of the loss, with exact splits.

    ``n_iter_no_change`` stops early on rows that scikit-learn holds out of the training part.
    """

    classifier = "sklearn.ensemble.GradientBoostingClassifier"
    regressor = "sklearn.ensemble.GradientBoostingRegressor"
    encoder = "ordinal_imputed"
    traits: ClassVar[Mapping[str, Any]] = {"trees": (("n_estimators",), 100)}

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: one tree per round and class."""
        trees = number(params, "n_estimators", 100) * (n_classes if n_classes > 2 else 1)
        return trees * (5e-4 + 2e-7 * n_samples * n_features)
