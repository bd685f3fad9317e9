"""A multi-layer perceptron (scikit-learn)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fusebench.learners.base import Family, number


class MLP(Family):
    """A feed-forward network trained with Adam; one hidden layer of 100 units by default."""

    classifier = "sklearn.neural_network.MLPClassifier"
    regressor = "sklearn.neural_network.MLPRegressor"
    traits: ClassVar[Mapping[str, Any]] = {"weights": True, "units": True}

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: passes over the data in batches of 200."""
        return number(params, "max_iter", 200) * (5e-4 + 1e-8 * n_samples * (n_features + 100))
