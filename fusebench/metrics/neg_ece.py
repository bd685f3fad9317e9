"""Expected calibration error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.metrics.base import Metric

N_BINS = 15


class NegECE(Metric):
    """Minus the expected calibration error of the most probable class.

    Notes
    -----
    Rows are put in 15 bins of equal width by their confidence, the highest probability;
    ``ECE = sum_b n_b / n * |accuracy_b - confidence_b|``. The predicted class is the most probable one, the first of
    equals. A confidence on a bin's edge belongs to the lower bin. O(n_samples * n_classes).

    References
    ----------
    .. [1] C. Guo et al., On calibration of modern neural networks, ICML 2017, eq. 3.
    """

    target_types = frozenset({"binary", "multiclass"})
    needs_proba = True

    def score(self, y: NDArray[Any], labels: NDArray[Any], proba: NDArray[Any] | None, n_classes: int) -> float:
        """Return minus the error, between -1 and 0; see `Metric.score`."""
        if proba is None:
            raise FitError("neg_ece needs probabilities")
        confidence = proba.max(axis=1).astype(np.float64)
        correct = proba.argmax(axis=1) == y
        bins = np.clip(np.ceil(confidence * N_BINS).astype(np.intp) - 1, 0, N_BINS - 1)
        gaps = np.bincount(bins, weights=correct - confidence, minlength=N_BINS)
        return -float(np.abs(gaps).sum()) / len(y)
