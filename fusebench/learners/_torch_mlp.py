"""The estimators of `torch_mlp`, with scikit-learn's interface. Importing this file does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin

from fusebench.learners._network import AnswersClasses, AnswersValues, torch_net
from fusebench.learners._torch_base import BaseTorchMLP
from fusebench.learners.base import Floats

if TYPE_CHECKING:
    from fusebench.learners._network_inputs import Start
    from fusebench.learners._torch_net import State
    from fusebench.learners._torch_training import Loss


class TorchMLPClassifier(ClassifierMixin, AnswersClasses, BaseTorchMLP):  # type: ignore[misc]  # scikit-learn has no types
    __doc__ = (BaseTorchMLP.__doc__ or "").replace(
        "What the classifier and the regressor share.", "A multi-layer perceptron that minimises log loss.", 1
    )

    takes_soft_targets: ClassVar[bool] = True

    def fit(  # type: ignore[override]  # the base allows more arguments
        self,
        X: Any,
        y: NDArray[Any],
        sample_weight: Floats | None = None,
        *,
        groups: NDArray[Any] | None = None,
        validation: NDArray[Any] | None = None,
        soft_targets: Floats | None = None,
        temperature: float = 1.0,
        hard_weight: float = 0.0,
        initial_state: State | None = None,
        start: Start | None = None,
    ) -> Self:
        """Fit on rows and their classes.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Numbers, and codes in `categorical_features`; NaN is missing.
        y : ndarray of shape (n_samples,)
            Classes; with `soft_targets`, codes of their columns.
        sample_weight : ndarray of shape (n_samples,), optional
        groups : ndarray of shape (n_samples,), optional
            Kept on one side of the early-stopping split.
        validation : ndarray of bool of shape (n_samples,), optional
            The rows that early stopping watches, instead of drawn ones; they are not trained on.
        soft_targets : ndarray of shape (n_samples, n_classes), optional
            A teacher's probabilities, for the loss
            ``-(1 - hard_weight) t**2 sum_c q_c log p_c(t) - hard_weight log p_y``, q and p at temperature t.
        temperature, hard_weight : float
            See `soft_targets`.
        initial_state : dict of str to ndarray, optional
            Weights to start from, of the same architecture.
        start : Start, optional
            Inputs that several networks share, and hidden layers to start from under a new head.

        Raises
        ------
        FitError
            If the loss is not finite, or there is no GPU where one is asked for.
        """
        self._validate_params()
        if soft_targets is None:
            self.classes_, codes = np.unique(y, return_inverse=True)
        else:
            self.classes_, codes = np.arange(soft_targets.shape[1]), np.asarray(y)
        watched = self._watched(codes, groups, validation, stratify=True)
        matrix = self._prepare(X, watched, start)
        targets: tuple[NDArray[Any], ...] = (codes.astype(np.int64),)
        if soft_targets is not None:
            powered = np.asarray(soft_targets, dtype=np.float64) ** (1 / temperature)
            targets = (*targets, (powered / powered.sum(axis=1, keepdims=True)).astype(np.float32))
        self._train(
            matrix,
            targets,
            n_outputs=len(self.classes_),
            loss=_log_loss(temperature, hard_weight),
            sample_weight=sample_weight,
            watched=watched,
            initial_state=initial_state,
            start=start,
        )
        return self


class TorchMLPRegressor(RegressorMixin, AnswersValues, BaseTorchMLP):  # type: ignore[misc]  # scikit-learn has no types
    __doc__ = (BaseTorchMLP.__doc__ or "").replace(
        "What the classifier and the regressor share.", "A multi-layer perceptron that minimises squared error.", 1
    )

    def fit(  # type: ignore[override]  # the base allows more arguments
        self,
        X: Any,
        y: NDArray[Any],
        sample_weight: Floats | None = None,
        *,
        groups: NDArray[Any] | None = None,
        validation: NDArray[Any] | None = None,
        initial_state: State | None = None,
        start: Start | None = None,
    ) -> Self:
        """Fit on rows and their values; see `TorchMLPClassifier.fit`."""
        self._validate_params()
        values = np.asarray(y, dtype=np.float64)
        watched = self._watched(values, groups, validation, stratify=False)
        matrix = self._prepare(X, watched, start)
        self._train(
            matrix,
            (self._standardised(values, values[~watched]),),
            n_outputs=1,
            loss=_squared_error,
            sample_weight=sample_weight,
            watched=watched,
            initial_state=initial_state,
            start=start,
        )
        return self


def _log_loss(temperature: float, hard_weight: float) -> Loss:
    functional = torch_net().nn.functional

    def loss(scores: Any, targets: tuple[Any, ...]) -> Any:
        hard = functional.cross_entropy(scores, targets[0], reduction="none")
        if len(targets) == 1:
            return hard
        soft = -(targets[1] * functional.log_softmax(scores / temperature, dim=1)).sum(dim=1)
        return (1 - hard_weight) * temperature**2 * soft + hard_weight * hard

    return loss


def _squared_error(values: Any, targets: tuple[Any, ...]) -> Any:
    return (values[:, 0] - targets[0]) ** 2
