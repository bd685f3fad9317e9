"""Gaussian processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusebench.learners.base import Family


class GaussianProcess(Family):
    """A Gaussian process with scikit-learn's default kernel; cubic in the rows, so for small data."""

    classifier = "sklearn.gaussian_process.GaussianProcessClassifier"
    regressor = "sklearn.gaussian_process.GaussianProcessRegressor"
    threads = "n_jobs"
    accepts_sparse = False

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: a Cholesky factor per step and class."""
        return 1e-2 + 2e-9 * n_samples**3 * (n_classes if n_classes > 2 else 1)
