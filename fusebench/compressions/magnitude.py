"""Drop the smallest weights of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from fusebench.compressions._weights import packed
from fusebench.compressions.base import Compression


@dataclass(kw_only=True)
class Magnitude(Compression):
    """Set the smallest weights of a network to 0 and store the others; nothing is trained again.

    Parameters
    ----------
    amount : float, default=0.8
        Share of the weights of all linear layers together that becomes 0.

    Notes
    -----
    What is stored is one bit per weight and the weights that are left. Predictions are computed with full matrices, so
    it saves bytes, not time. Weights that tie with the smallest one kept are kept. Biases, normalisations and
    embeddings stay as they are.

    References
    ----------
    .. [1] S. Han et al., Learning both weights and connections for efficient neural networks, NeurIPS 2015, section 3
       (without the retraining).
    """

    trait: ClassVar[str | None] = "weights"

    amount: Annotated[float, Field(gt=0, lt=1)] = 0.8

    def estimator(self, estimator: Any) -> Any:
        """Return the estimator with the other weights alone."""
        return packed(estimator, "sparse", amount=self.amount)
