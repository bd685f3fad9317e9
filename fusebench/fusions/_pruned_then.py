"""A fusion behind a choice of its members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fusebench.fusions.base import Context, Floats, Fusion, load_fusion
from fusebench.fusions.pruned import Pruned
from fusebench.spec.model import FusionSpec


@dataclass(kw_only=True)
class PrunedThen(Fusion):
    """Let `pruned` choose members on out-of-fold predictions, then fit another fusion on these.

    Parameters
    ----------
    prune, then : FusionSpec
        How the members are chosen, and what is made of them.
    """

    prune: FusionSpec
    then: FusionSpec

    @property
    def needs_features(self) -> bool:  # type: ignore[override]  # the base allows a property in place of its constant
        """Whether the fusion behind the choice looks at the features."""
        return self._fusion().needs_features

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Choose the members and fit the fusion."""
        chosen = Pruned(**self.prune.params).fit(P, y, context)
        self.everyone_ = context.members
        self.kept_ = np.flatnonzero(chosen.weights_)
        self.members_ = tuple(context.members[position] for position in self.kept_)
        self.fusion_ = self._fusion().fit(P[:, self.kept_], y, context.select(self.members_))
        return self

    def predict_proba(self, P: Floats, context: Context) -> Floats:
        """Return the fusion's probabilities."""
        return self.fusion_.predict_proba(P[:, self.kept_], context.select(self.members_))

    def predict(self, P: Floats, context: Context) -> NDArray[Any]:
        """Return the fusion's class codes or values."""
        return self.fusion_.predict(P[:, self.kept_], context.select(self.members_))

    def used(self, n_members: int) -> tuple[int, ...]:
        """Return those of the kept members that the fusion behind the choice uses; see `Fusion.used`."""
        return tuple(int(self.kept_[at]) for at in self.fusion_.used(len(self.kept_)))

    def explain(self) -> dict[str, Any]:
        """Return the members that were kept, and what the fusion made of them says."""
        told = self.fusion_.explain()
        used = told.get("members_used")
        share = {member: float(member in self.members_) for member in self.everyone_}
        return {
            "members_used": used if isinstance(used, list) else list(self.members_),
            "run_share": share,
            "kept_share": share,
            "then": told,
        }

    def _fusion(self) -> Fusion:
        fusion: Fusion = load_fusion(self.then.type)(**self.then.params)
        return fusion
