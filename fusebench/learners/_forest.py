"""What the forests share."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import Any, ClassVar

from fusebench.learners.base import Family, number


class _Forest(Family):
    """Trees grown independently, each with its own seed."""

    encoder = "ordinal"
    threads = "n_jobs"
    traits: ClassVar[Mapping[str, Any]] = {"trees": (("n_estimators",), 100)}
    # Threads add the trees' votes in the order in which they finish.
    predicts_with_one_thread = True
    labels_follow_proba = True
    rows_are_independent = True
    seconds_per_split = 1.2e-8

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: n log n per tree, over the features looked at."""
        looked_at = n_features**0.5 if n_classes else n_features
        per_tree = 7e-4 + self.seconds_per_split * n_samples * log2(n_samples + 2) * looked_at
        return number(params, "n_estimators", 100) * per_tree
