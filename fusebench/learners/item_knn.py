"""Rating prediction from similar items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusebench.learners.base import Family


class ItemKNN(Family):
    """Biases and the user's ratings of similar items; columns 0 and 1 unless said otherwise."""

    regressor = "fusebench.learners._ratings.ItemKNNRegressor"
    encoder = "ordinal"
    accepts_sparse = False

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: linear in the ratings."""
        return 1e-2 + 1e-5 * n_samples
