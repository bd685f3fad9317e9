"""Remove whole hidden units of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from fusebench.compressions._weights import is_torch, without_units
from fusebench.compressions.base import Compression


@dataclass(kw_only=True)
class Structured(Compression):
    """Remove the hidden units of a multi-layer perceptron that matter least; nothing is trained again.

    Parameters
    ----------
    amount : float, default=0.5
        Share of the units of each hidden layer that is removed; at least one stays.

    Notes
    -----
    A unit matters as ||w_in|| * ||w_out||, the norms of the weights into it and out of it. What is left is a smaller
    network, which saves bytes and time. Ties: the unit that stands first stays.

    References
    ----------
    .. [1] H. Li et al., Pruning filters for efficient ConvNets, ICLR 2017 (with the norms of both sides).
    """

    trait: ClassVar[str | None] = "units"

    amount: Annotated[float, Field(gt=0, lt=1)] = 0.5

    def estimator(self, estimator: Any) -> Any:
        """Return the estimator with fewer hidden units."""
        if is_torch(estimator):
            from fusebench.compressions._torch import torch_without_units

            return torch_without_units(estimator, self.amount)
        return without_units(estimator, self.amount)
