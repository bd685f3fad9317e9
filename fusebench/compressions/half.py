"""Half precision for weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fusebench.compressions._weights import packed
from fusebench.compressions.base import Compression


@dataclass(kw_only=True)
class Half(Compression):
    """Keep a network's weights in 16-bit floating point (IEEE half precision); nothing is trained again.

    Notes
    -----
    Predictions are computed in the network's own precision: the weights are widened once per call, which few CPUs
    would beat in half precision. So it saves bytes, not time.
    """

    trait: ClassVar[str | None] = "weights"

    def estimator(self, estimator: Any) -> Any:
        """Return the estimator with 16-bit weights.

        Raises
        ------
        FitError
            If a weight is too large for 16 bits.
        """
        return packed(estimator, "half")
