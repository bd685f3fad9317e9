"""Merge: one network from several that were fine-tuned from one pretrained base, by arithmetic on their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.errors import FitError
from fusebench.fusions import _weight_space as rules
from fusebench.fusions._fine_tuned import FineTuned
from fusebench.fusions.base import Context, Floats

METHODS = Literal["average", "task_arithmetic", "ties", "dare", "fisher", "slerp"]


@dataclass(kw_only=True)
class Merge(FineTuned):
    """Fine-tune one pretrained network on several targets or datasets, and merge the weights of the hidden layers.

    Parameters
    ----------
    method : {"average", "task_arithmetic", "ties", "dare", "fisher", "slerp"}, default="ties"
        How weights theta_i become one; tau_i = theta_i - theta_0 are the task vectors from the base theta_0.
    estimator : learner, optional
        A ``torch_mlp``, or a ``transformer`` that is fine-tuned; the base of the latter is its pretrained model.
    sources : tuple of str, default=()
        Datasets of this benchmark to fine-tune on beside the dataset's own targets. On a source itself the strategy
        does not apply.
    scale : float, optional
        Of the merged task vector; by default 0.3 for ``task_arithmetic``, 1 for ``ties`` and ``dare``.
    density : float, default=0.2
        Share of each task vector that ``ties`` keeps.
    drop : float, default=0.9
        Share of each task vector that ``dare`` drops.
    tune_head : bool, default=True
        Whether the head is trained again on the merged layers, which stay as they are.
    pretraining_epochs : int, default=30
        Of the base, which learns without labels on the training rows and the rows of the sources.
    swap : float, default=0.15
        Share of the cells that this swaps with another row's.

    Notes
    -----
    ``average``: mean of theta_i. ``task_arithmetic``: theta_0 + scale * sum_i tau_i. ``ties``: trims each tau_i, elects
    signs, averages what agrees. ``dare``: drops entries at random and rescales the rest. ``fisher``: mean of theta_i
    weighted by the diagonal of each Fisher information. ``slerp``: the middle of the arc between two.

    Every target of the training rows is one fine-tuning, and so is every target of a source; each has a head of its
    own, and that of the predicted target is kept. Statistics of BatchNorm layers are recomputed on the training rows.
    The cost is that of one pretraining, one fine-tuning per target and one of the head. The members are not used.

    References
    ----------
    .. [1] M. Wortsman et al., Model soups, ICML 2022 (average).
    .. [2] G. Ilharco et al., Editing models with task arithmetic, ICLR 2023.
    .. [3] P. Yadav et al., TIES-merging, NeurIPS 2023.
    .. [4] L. Yu et al., Language models are super Mario, ICML 2024 (DARE).
    .. [5] M. Matena, C. Raffel, Merging models with Fisher-weighted averaging, NeurIPS 2022.
    .. [6] K. Shoemake, Animating rotation with quaternion curves, SIGGRAPH 1985 (SLERP).
    """

    needs_siblings: ClassVar[bool] = True
    strategy: ClassVar[str] = "merge"

    method: METHODS = "ties"
    scale: Annotated[float, Field(gt=0)] | None = None
    density: Annotated[float, Field(gt=0, le=1)] = 0.2
    drop: Annotated[float, Field(ge=0, lt=1)] = 0.9
    tune_head: bool = True

    def check_related(self, others: tuple[str, ...]) -> list[str]:
        """Return too few targets to merge, or too many for ``slerp``."""
        if not others:
            return ["sources: the dataset has one target only and there are no sources: there is nothing to merge"]
        if self.method == "slerp" and len(others) != 1:
            return [f"method: slerp merges two networks, there are {len(others) + 1} targets; use average"]
        return []

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Pretrain, fine-tune on every target and merge; the predictions are not used.

        Raises
        ------
        FitError
            If there is nothing to merge, a source shares no column, or a loss is not finite.
        """
        others = (*(one.name for one in context.siblings), *(one.name for one in context.sources))
        for message in self.check_related(others):
            raise FitError(message)
        school, base = self._pretrained(y, context, supervised=False)
        tuned = [(one, school.fine_tune(one, base)) for one in (school.own, *school.others)]
        own = tuned[0][1]
        merged = self._merged(base, [model.body() for _, model in tuned], tuned, context)
        # With its rows: BatchNorm's statistics are those of no network that was merged.
        self.model_ = own.with_state({**own.state(), **merged}, school.own.X)
        if self.tune_head:
            self.model_ = school.fine_tune(school.own, self.model_.body(), frozen=True)
        self.lessons_ = [one.name for one in (school.own, *school.others)]
        lengths = [_length(base, model.body()) for _, model in tuned]
        self.lengths_ = dict(zip(self.lessons_, lengths, strict=True))
        return self

    def explain(self) -> dict[str, Any]:
        """Return what was merged, and the length of each task vector."""
        return {"method": self.method, "lessons": self.lessons_, "task_vector_lengths": self.lengths_}

    def _merged(
        self, base: rules.State, bodies: Sequence[rules.State], tuned: Sequence[tuple[Any, Any]], context: Context
    ) -> dict[str, NDArray[Any]]:
        match self.method:
            case "average":
                return rules.average(bodies)
            case "task_arithmetic":
                return rules.task_arithmetic(base, bodies, 0.3 if self.scale is None else self.scale)
            case "ties":
                return rules.ties(base, bodies, density=self.density, scale=self.scale or 1.0)
            case "dare":
                seed = context.random_state
                return rules.dare(base, bodies, drop=self.drop, scale=self.scale or 1.0, random_state=seed)
            case "fisher":
                sure = [model.fisher(lesson.X) for lesson, model in tuned]
                own = [{name: one[name] for name in bodies[0] if name in one} for one in sure]
                return rules.fisher(bodies, own)
            case "slerp":
                return rules.slerp(bodies[0], bodies[1])


def _length(base: rules.State, body: rules.State) -> float:
    """Return the Euclidean length of a task vector."""
    return float(np.sqrt(sum(float(((body[name] - base[name]).astype(np.float64) ** 2).sum()) for name in base)))
