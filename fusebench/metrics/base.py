"""What a metric of our own is, for what scikit-learn lacks.

Adding a metric is adding one file to this package; its name is what ``scoring:`` takes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from numpy.typing import NDArray

from fusebench.discovery import Registry

REGISTRY = Registry(package="fusebench.metrics", base="Metric", noun="metric")


class Metric(ABC):
    """A function of the truth and a prediction; higher is better."""

    target_types: ClassVar[frozenset[str]]
    """What it applies to."""
    needs_proba: ClassVar[bool] = False
    """Whether it looks at probabilities."""

    @abstractmethod
    def score(self, y: NDArray[Any], labels: NDArray[Any], proba: NDArray[Any] | None, n_classes: int) -> float:
        """Return the score.

        Parameters
        ----------
        y : ndarray of shape (n_samples,)
            True class codes, or values.
        labels : ndarray of shape (n_samples,)
            Predicted class codes, or values.
        proba : ndarray of shape (n_samples, n_classes) or None
            Predicted probabilities.
        n_classes : int
            Classes of the dataset, 0 for regression.
        """
