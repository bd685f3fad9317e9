"""A multi-layer perceptron with embeddings (PyTorch, an extra)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from fusebench.learners.base import Family, number


class TorchMLP(Family):
    """A feed-forward network with embeddings of categories, early stopping, and seeds that repeat to the last bit."""

    classifier = "fusebench.learners._torch_mlp.TorchMLPClassifier"
    regressor = "fusebench.learners._torch_mlp.TorchMLPRegressor"
    encoder = "native"
    defaults: ClassVar[Mapping[str, Any]] = {}
    threads = "n_jobs"
    traits: ClassVar[Mapping[str, Any]] = {"weights": True, "units": True}
    accepts_sparse = False
    extra = "torch"

    def check(self, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield that there is no GPU where one is asked for."""
        if params.get("device") == "cuda" and self.is_installed:
            import torch

            if not torch.cuda.is_available():
                yield "device", "cuda is asked for, PyTorch finds no GPU here; use device: cpu"

    def categorical(self, X: Any, columns: Sequence[int]) -> tuple[dict[str, Any], dict[str, Any], str]:
        """Declare the columns that get embeddings to the constructor."""
        return ({"categorical_features": tuple(columns)} if columns else {}), {}, ""

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: a third of the epochs, in batches."""
        batches = n_samples / number(params, "batch_size", min(256, max(16, n_samples // 32)))
        return number(params, "max_epochs", 100) / 3 * max(batches, 1) * 7e-4
