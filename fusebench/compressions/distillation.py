"""One student for the whole fusion."""

from __future__ import annotations

from dataclasses import dataclass, fields
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
    augmentation : int, default=0
    munge_probability : float, default=0.5
    munge_variance : float, default=1
        See the fusion `distillation`.

    Notes
    -----
    It costs one fit of the student per split; with `augmentation` also one fit of every learner behind the fusion. The
    student answers alone: its size and latency are its own.
    """

    student: LearnerSpec | None = None
    temperature: Annotated[float, Field(gt=0)] = 1.0
    hard_weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    augmentation: Annotated[int, Field(ge=0)] = 0
    munge_probability: Annotated[float, Field(gt=0, le=1)] = 0.5
    munge_variance: Annotated[float, Field(gt=0)] = 1.0

    def fused(self, name: str, fusion: FusionSpec, members: tuple[str, ...]) -> tuple[FusionSpec, tuple[str, ...]]:
        """Return the distillation of the fusion."""
        params = {field.name: getattr(self, field.name) for field in fields(self)}
        return FusionSpec(type="distillation", members=(name,), timeout=fusion.timeout, params=params), (name,)
