"""Transfer: a network that is pretrained on other data, or without labels, and fine-tuned on these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from numpy.typing import NDArray

from fusebench.errors import FitError
from fusebench.fusions._fine_tuned import FineTuned
from fusebench.fusions.base import Context, Floats


@dataclass(kw_only=True)
class Transfer(FineTuned):
    """Pretrain a network on other datasets, or on rows without their labels, and fine-tune it on the training rows.

    Parameters
    ----------
    estimator : learner, optional
        A ``torch_mlp``; its parameters are those of the fine-tuning too.
    sources : tuple of str, default=()
        Datasets of this benchmark to learn from first. They should hold no row of the dataset that is predicted. On a
        source itself the strategy does not apply.
    pretraining : {"supervised", "self_supervised"}, optional
        ``supervised`` learns the targets of the sources, one after the other; the default where there are sources.
        ``self_supervised`` restores swapped cells, on the training rows and all rows of the sources, and looks at no
        target.
    pretraining_epochs : int, default=30
    swap : float, default=0.15
        Share of the cells that self-supervision swaps with another row's.

    Notes
    -----
    A source's columns are found by name and kind; those that it lacks are missing there. The encoder is fitted on the
    training rows; inputs are standardised on these and the sources. The hidden layers are handed on, the head starts
    anew. The members are not used. The cost is that of one pretraining and one fine-tuning.

    References
    ----------
    .. [1] J. Yosinski et al., How transferable are features in deep neural networks?, NeurIPS 2014.
    .. [2] P. Vincent et al., Extracting and composing robust features with denoising autoencoders, ICML 2008.
    """

    strategy: ClassVar[str] = "transfer"

    pretraining: Literal["supervised", "self_supervised"] | None = None

    def check(self, members: tuple[str, ...], target_types: frozenset[str]) -> list[str]:
        """Return supervised pretraining without a source."""
        if self.pretraining == "supervised" and not self.sources:
            return ["sources: supervised pretraining needs one; name a dataset of this benchmark"]
        return []

    def fit(self, P: Floats, y: NDArray[Any], context: Context) -> Self:
        """Pretrain and fine-tune on the context's features; the predictions are not used.

        Raises
        ------
        FitError
            If a source shares no column, or the loss is not finite.
        """
        if len(context.sources) < len(self.sources):
            raise FitError("sources: their rows are not at hand here; fit within a benchmark")
        self.supervised_ = self.pretraining == "supervised" or (self.pretraining is None and bool(self.sources))
        # Other targets of the same rows are another matter: see `merge`.
        school, body = self._pretrained(y, context.without_siblings(), supervised=self.supervised_)
        self.lessons_ = [one.name for one in school.others]
        self.model_ = school.fine_tune(school.own, body)
        return self

    def explain(self) -> dict[str, Any]:
        """Return what was learned first, and the epochs of the fine-tuning."""
        return {
            "pretraining": "supervised" if self.supervised_ else "self_supervised",
            "lessons": self.lessons_,
            "epochs": len(self.model_.training_.losses),
            "best_epoch": self.model_.training_.best_epoch,
        }
