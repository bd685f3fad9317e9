"""AdaBoost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fusebench.learners.base import Family, number


class AdaBoost(Family):
    """Shallow trees in sequence, each on rows weighted by the errors so far."""

    classifier = "sklearn.ensemble.AdaBoostClassifier"
    regressor = "sklearn.ensemble.AdaBoostRegressor"
    encoder = "ordinal_imputed"
    traits: ClassVar[Mapping[str, Any]] = {"trees": (("n_estimators",), 50)}

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess."""
        return number(params, "n_estimators", 50) * (1.5e-3 + 2e-7 * n_samples * n_features)
