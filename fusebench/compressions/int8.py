"""Eight-bit integers for weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fusebench.compressions._weights import is_torch, packed
from fusebench.compressions.base import Compression


@dataclass(kw_only=True)
class Int8(Compression):
    """Dynamic quantisation of a network's weights to 8 bits; nothing is trained again.

    Notes
    -----
    Each output unit's weights w become round(127 w / max |w|). PyTorch's linear layers (`torch_mlp`, `transformer`)
    also quantise each input row when they predict, multiply whole numbers, and scale back in single precision; their
    embeddings are quantised row by row. A scikit-learn `mlp` keeps 8-bit weights and computes in its own precision.
    Biases and normalisations stay as they are.

    References
    ----------
    .. [1] B. Jacob et al., Quantization and training of neural networks for efficient integer-arithmetic-only
       inference, CVPR 2018, section 2.1 (with a zero point of 0).
    """

    trait: ClassVar[str | None] = "weights"

    def estimator(self, estimator: Any) -> Any:
        """Return the estimator with 8-bit weights."""
        if is_torch(estimator):
            from fusebench.compressions._torch import with_int8

            return with_int8(estimator)
        return packed(estimator, "int8")
