"""One student for the whole fusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from fusebench.compressions.base import Compression
from fusebench.spec.model import FusionSpec, LearnerSpec


@dataclass(kw_only=True)
class Distillation(Compression):
    """Replace the fusion by one student that learned its out-of-fold predictions.

    Parameters
    ----------
    student : learner, optional
    temperature : float, default=1
    hard_weight : float, default=0
        See the fusion `distillation`.

    Notes
    -----
    It costs one fit of the student per split. The student answers alone: its size and latency are its own.
    """

    student: LearnerSpec | None = None
    temperature: Annotated[float, Field(gt=0)] = 1.0
    hard_weight: Annotated[float, Field(ge=0, le=1)] = 0.0

    def fused(self, name: str, fusion: FusionSpec, members: tuple[str, ...]) -> tuple[FusionSpec, tuple[str, ...]]:
        """Return the distillation of the fusion."""
        params = {"student": self.student, "temperature": self.temperature, "hard_weight": self.hard_weight}
        return FusionSpec(type="distillation", members=(name,), timeout=fusion.timeout, params=params), (name,)
