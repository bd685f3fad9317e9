"""A fusion of a benchmark, resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fusebench.spec.model import FusionSpec

LearnerKind = Literal["learner", "fusion", "reference"]


@dataclass(frozen=True, kw_only=True)
class FusionModel:
    """A configured fusion or a reference, with its members resolved to learners and fusions.

    Parameters
    ----------
    tolerant : bool
        Whether it makes do with the members that succeeded (references).
    """

    id: str
    kind: LearnerKind
    spec: FusionSpec
    members: tuple[str, ...]
    tolerant: bool = False
