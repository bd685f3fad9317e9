"""Nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusebench.learners.base import Family


class KNN(Family):
    """The vote or the mean of the nearest training rows."""

    classifier = "sklearn.neighbors.KNeighborsClassifier"
    regressor = "sklearn.neighbors.KNeighborsRegressor"
    threads = "n_jobs"

    def follows_proba(self, params: Mapping[str, Any]) -> bool:
        """Return whether the neighbours count alike: then the first most frequent class is the most probable one."""
        return bool(params.get("weights", "uniform") == "uniform")

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess; nearly all of it is prediction."""
        return 1.5e-3 + 6e-11 * n_samples**2 * n_features
