"""Fewer trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from fusebench.compressions.base import Compression
from fusebench.spec.model import CompressSpec, LearnerSpec


@dataclass(kw_only=True)
class Trees(Compression):
    """Keep the first trees of a forest, or the first rounds of boosting.

    Parameters
    ----------
    keep : float, default=0.1
        Share of the trees or rounds that is kept; at least one.

    Notes
    -----
    The learner is fitted with so many trees only. With the same seed these are the first trees of the full fit.
    """

    trait: ClassVar[str | None] = "trees"

    keep: Annotated[float, Field(gt=0, lt=1)] = 0.1

    def learner(self, learner: LearnerSpec, trait: Any, compress: CompressSpec) -> LearnerSpec:
        """Return the learner with fewer trees; `trait` holds the names of the parameter and its default."""
        names, default = trait
        name = next((one for one in names if one in learner.params), names[0])
        given = learner.params.get(name)
        given = default if given is None else given
        params = {**learner.params, name: max(1, round(self.keep * given))}
        return learner.model_copy(update={"params": params, "compress": None})
