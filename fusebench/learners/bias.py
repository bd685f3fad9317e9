"""Rating prediction by user and item biases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusebench.learners.base import Family


class Bias(Family):
    """The mean rating, a user's tendency and an item's; columns 0 and 1 unless said otherwise."""

    regressor = "fusebench.learners._ratings.BiasRegressor"
    encoder = "ordinal"
    accepts_sparse = False

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: linear in the ratings."""
        return 2e-3 + 2e-7 * n_samples
