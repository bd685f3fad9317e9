"""What the estimators of all networks share. Importing this file does not import torch."""

from __future__ import annotations

import copy
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from fusebench.errors import FitError, MissingExtraError
from fusebench.learners.base import Floats

if TYPE_CHECKING:
    from fusebench.learners._torch_net import State


def torch_net() -> ModuleType:
    """Import and return the file that imports torch.

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.
    """
    try:
        from fusebench.learners import _torch_net
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("torch_mlp", "torch") from error
    return _torch_net


class BaseNetwork(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A network in `network_`, whose weights can be read and replaced."""

    def state(self) -> State:
        """Return a copy of the weights and running statistics by name, as arrays; for averages and merging."""
        check_is_fitted(self, "network_")
        state: State = torch_net().state_of(self.network_)
        return state

    def body(self) -> State:
        """Return a copy of all weights and running statistics but those of the head, by name."""
        return {name: value for name, value in self.state().items() if not name.startswith("head.")}

    def with_state(self, state: State, X: Any = None) -> Self:
        """Return a copy of this fitted estimator with other weights of the same architecture.

        Parameters
        ----------
        state : dict of str to ndarray
            As `state` returns.
        X : array of shape (n_samples, n_features), optional
            Training rows, on which the statistics of BatchNorm layers are recomputed where there are any.

        Raises
        ------
        FitError
            If the weights are of another architecture.
        """
        check_is_fitted(self, "network_")
        other = copy.copy(self)
        other.network_ = copy.deepcopy(self.network_)
        torch_net().load_state(other.network_, state)
        return other

    def _outputs(self, X: Any) -> NDArray[np.float64]:
        """Return what the head answers, shape (n_samples, n_outputs)."""
        raise NotImplementedError


class AnswersClasses(BaseNetwork):
    """Scores of `classes_` as probabilities and labels."""

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return class probabilities, shape (n_samples, n_classes)."""
        return softmax(self._outputs(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return classes, shape (n_samples,)."""
        return np.asarray(self.classes_[self._outputs(X).argmax(axis=1)])


class AnswersValues(BaseNetwork):
    """One output in units of the target, which is standardised for training."""

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return values, shape (n_samples,)."""
        return np.asarray(self._outputs(X)[:, 0] * self.scale_ + self.mean_)

    def _standardised(self, values: NDArray[np.float64], fitted: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return values less the mean of those that are fitted, over their standard deviation."""
        self.mean_ = float(fitted.mean())
        self.scale_ = float(fitted.std()) or 1.0
        return ((values - self.mean_) / self.scale_).astype(np.float32)


def row_weights(sample_weight: Floats | None, watched: NDArray[Any]) -> Floats:
    """Return the weight of each row, 1 where none is given.

    Raises
    ------
    FitError
        If those of the rows that are trained on sum to 0.
    """
    weight = np.ones(len(watched)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if not weight[~watched].sum() > 0:
        raise FitError("the sample weights of the training rows sum to 0")
    return weight


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities of scores of shape (n_samples, n_classes)."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
