"""CatBoost (an extra)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fusebench.learners.base import Family, number


class CatBoost(Family):
    """Ordered gradient boosting on symmetric trees; categories arrive as ordinal codes."""

    classifier = "catboost.CatBoostClassifier"
    regressor = "catboost.CatBoostRegressor"
    encoder = "ordinal"
    # Silence means no progress on stdout and no `catboost_info` folder where the run was started.
    defaults: ClassVar[Mapping[str, Any]] = {"verbose": False, "allow_writing_files": False}
    threads = "thread_count"
    accepts_sparse = False
    extra = "catboost"
    traits: ClassVar[Mapping[str, Any]] = {
        "trees": (("iterations", "n_estimators", "num_boost_round", "num_trees"), 1000)
    }

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: 1,000 rounds unless the spec says otherwise."""
        rounds = number(params, "iterations", number(params, "n_estimators", 1000))
        return rounds * (1e-3 + 1e-8 * n_samples * n_features) * max(n_classes - 1, 1)
