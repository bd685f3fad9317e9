"""Logistic regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fusebench.learners.base import Family


class LogisticRegression(Family):
    """A linear model of the log odds; up to 1,000 iterations, since 100 often stop before the optimum."""

    classifier = "sklearn.linear_model.LogisticRegression"
    defaults: ClassVar[Mapping[str, Any]] = {"max_iter": 1000}

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: some 100 passes over the data."""
        return 3e-3 + 4e-8 * n_samples * n_features * max(n_classes - 1, 1)
