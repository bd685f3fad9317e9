"""One network for all targets of a dataset (PyTorch, an extra)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from fusebench.learners.base import NOTHING
from fusebench.learners.torch_mlp import TorchMLP


class TorchMultitask(TorchMLP):
    """A feed-forward network with shared layers and one head per target of the dataset; one fit serves them all.

    Beside the parameters of ``torch_mlp`` (but ``swa``; one hidden layer of 64 by default) it takes ``weighting``
    (``fixed``, ``uncertainty`` or ``gradnorm``), ``lambdas`` (one weight per target, in the order of the dataset's
    targets), ``gradnorm_alpha`` and ``gradnorm_learning_rate``. Rows that lack a target do not count in its loss.
    Trained for one target (by ``bagging``, say) it is a ``torch_mlp``.
    """

    classifier = "fusebench.learners._torch_multitask.TorchMultitaskClassifier"
    regressor = "fusebench.learners._torch_multitask.TorchMultitaskRegressor"
    several_targets = True
    traits: ClassVar[Mapping[str, Any]] = NOTHING  # its one fit serves several problems, a compression one

    def violation(self, name: str, value: Any) -> str:
        """Return what is wrong with the weights of the targets, as far as their number does not matter."""
        if name != "lambdas":
            return super().violation(name, value)
        from fusebench.learners._lambdas import check_lambdas

        return check_lambdas(value, None)

    def check_targets(self, params: Mapping[str, Any], targets: Sequence[str]) -> str:
        """Return whether there is not one weight per target."""
        from fusebench.learners._lambdas import check_lambdas

        return check_lambdas(params.get("lambdas"), targets)
