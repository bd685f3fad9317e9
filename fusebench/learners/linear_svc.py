"""Linear support vector machines (liblinear)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fusebench.learners.base import Family


class LinearSVC(Family):
    """A linear support vector machine; probabilities by a sigmoid on its decision function.

    Up to 1,000 iterations, which is also the library's default today.
    """

    classifier = "sklearn.svm.LinearSVC"
    regressor = "sklearn.svm.LinearSVR"
    defaults: ClassVar[Mapping[str, Any]] = {"max_iter": 1000}

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess; six fits, five of them for the probabilities."""
        return 5e-3 + 1e-6 * n_samples * n_features * max(n_classes - 1, 1)
