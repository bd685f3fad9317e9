"""Rating prediction by matrix factorisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusebench.learners.base import Family


class MatrixFactorization(Family):
    """Biases and factors of users and items, by alternating least squares; columns 0 and 1 unless said otherwise."""

    regressor = "fusebench.learners._ratings.MatrixFactorizationRegressor"
    encoder = "ordinal"
    accepts_sparse = False

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: linear in the ratings."""
        return 1e-2 + 2e-5 * n_samples
