"""The same fusion of fewer members."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from pydantic import Field

from fusebench.compressions.base import Compression
from fusebench.spec.model import FusionSpec


@dataclass(kw_only=True)
class Pruned(Compression):
    """Fit the fusion on the members that the fusion `pruned` keeps.

    Parameters
    ----------
    method : {"backward", "margin", "complementary", "budget"}, default="backward"
    tolerance : float, default=0.0
    budget : float, optional
    budget_of : {"cost", "bytes"}, default="cost"
        See the fusion `pruned`, which chooses on out-of-fold predictions by the average of the members.

    Notes
    -----
    The members are chosen anew on every split; no learner is fitted again. Size and latency count the members that are
    kept.
    """

    method: Literal["backward", "margin", "complementary", "budget"] = "backward"
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    budget: Annotated[float, Field(gt=0)] | None = None
    budget_of: Literal["cost", "bytes"] = "cost"

    def applies(self, n_members: int, *, trains: bool) -> bool:
        """Return whether there are members to choose among."""
        return n_members > 1 and not trains

    def fused(self, name: str, fusion: FusionSpec, members: tuple[str, ...]) -> tuple[FusionSpec, tuple[str, ...]]:
        """Return the fusion behind a choice of its members."""
        prune = asdict(self)
        then = fusion.model_copy(update={"compress": ()})
        params = {"prune": FusionSpec(type="pruned", params=prune), "then": then}
        return FusionSpec(type="pruned_then", members=fusion.members, timeout=fusion.timeout, params=params), members
