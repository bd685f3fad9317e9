"""What the kernel machines share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fusebench.learners.base import Family


class _SupportVectors(Family):
    """A kernel machine of libsvm."""

    # scikit-learn 1.9 deprecates `probability`: probabilities always come from a sigmoid
    # calibration that leaves the labels alone, so a spec that still names it means the same.
    dropped: ClassVar[frozenset[str]] = frozenset({"probability"})

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: quadratic in the rows; a classifier is fitted six times for its probabilities."""
        return (0.018 if n_classes else 1e-3) + 3e-10 * n_samples**2 * n_features * (4 if n_classes else 1)
