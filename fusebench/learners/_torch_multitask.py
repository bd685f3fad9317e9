"""One network for several targets, classes and values mixed. Importing this file does not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fusebench.errors import FitError
from fusebench.learners._lambdas import check_lambdas
from fusebench.learners._network import row_weights, softmax, torch_net
from fusebench.learners._network_inputs import Start, as_matrix
from fusebench.learners._targets import Target, TargetType
from fusebench.learners._torch_base import BaseTorchMLP
from fusebench.learners.base import Floats

if TYPE_CHECKING:
    from fusebench.learners._torch_net import State


class TorchMultitask(BaseTorchMLP):
    """Shared layers and one head per target, trained together.

    Parameters
    ----------
    weighting : {"fixed", "uncertainty", "gradnorm"}, default="fixed"
        How the targets' losses L_t become one: ``fixed`` is sum_t lambda_t L_t; ``uncertainty`` learns a variance per
        target; ``gradnorm`` moves the lambdas so that all targets learn at like rates.
    lambdas : tuple of float, optional
        One weight per target, at least 0, not all 0; 1 each by default. Those of the start for ``gradnorm``; without
        effect on ``uncertainty`` but for early stopping, which watches sum_t lambda_t L_t.
    gradnorm_alpha : float, default=1.5
        How strongly ``gradnorm`` favours targets that learn slowly.
    gradnorm_learning_rate : float, default=0.025
        Step of the lambdas.
    **parameters
        Those of ``torch_mlp``.

    Notes
    -----
    L_t is log loss for classes and squared error of the standardised target for values, the mean over the rows that
    have the target; missing ones are masked. A target that is constant where it is fitted is
    predicted as that constant, and a class that no training row has gets probability 0. `swa` is not offered.

    References
    ----------
    .. [1] R. Caruana, Multitask learning, Machine Learning 28, 1997.
    .. [2] A. Kendall et al., Multi-task learning using uncertainty to weigh losses, CVPR 2018.
    .. [3] Z. Chen et al., GradNorm, ICML 2018.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{
            name: allowed for name, allowed in BaseTorchMLP._parameter_constraints.items() if not name.startswith("swa")
        },
        "weighting": [StrOptions({"fixed", "uncertainty", "gradnorm"})],
        "gradnorm_alpha": [Interval(Real, 0, None, closed="left")],
        "gradnorm_learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64,),
        *,
        weighting: str = "fixed",
        lambdas: Sequence[float] | None = None,
        gradnorm_alpha: float = 1.5,
        gradnorm_learning_rate: float = 0.025,
        activation: str = "relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        embedding_dim: int | None = None,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        batch_size: int | None = None,
        max_epochs: int = 100,
        early_stopping: bool = True,
        patience: int = 15,
        categorical_features: Sequence[int] = (),
        device: str = "cpu",
        random_state: int | None = None,
        init_random_state: int | None = None,
        n_jobs: int = 1,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.weighting = weighting
        self.lambdas = lambdas
        self.gradnorm_alpha = gradnorm_alpha
        self.gradnorm_learning_rate = gradnorm_learning_rate
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.embedding_dim = embedding_dim
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.patience = patience
        self.categorical_features = categorical_features
        self.device = device
        self.random_state = random_state
        self.init_random_state = init_random_state
        self.n_jobs = n_jobs

    swa, swa_start, swa_learning_rate = False, 1.0, None  # no parameters here

    def fit_targets(
        self,
        X: Any,
        targets: Sequence[Target],
        sample_weight: Floats | None = None,
        *,
        groups: NDArray[Any] | None = None,
        start: Start | None = None,
    ) -> Self:
        """Fit all heads together.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Numbers, and codes in `categorical_features`; NaN is missing.
        targets : sequence of Target
            At least one, each with a known value on some row.
        sample_weight : ndarray of shape (n_samples,), optional
        groups : ndarray of shape (n_samples,), optional
            Kept on one side of the early-stopping split.
        start : Start, optional
            Inputs to share with other networks.

        Raises
        ------
        FitError
            If a target is missing on all rows, the lambdas do not fit the targets, or the loss is not finite.
        """
        self._validate_params()
        if message := check_lambdas(self.lambdas, [target.name for target in targets]):
            raise FitError(message)
        net, heads = torch_net(), torch_heads()
        first = targets[0]
        watched = self._watched(first.y if first.is_class else np.zeros(len(first.y)), groups, None, stratify=False)
        absent = [target.name for target in targets if not target.known[~watched].any()]
        if absent:
            raise FitError(f"target '{absent[0]}' is missing on all rows of the training part")
        matrix = self._prepare(X, watched, start)
        self.targets_ = [_Head.of(target, ~watched) for target in targets]
        weight = row_weights(sample_weight, watched)
        seed = self.random_state or 0
        with net.repeatable(self.n_jobs):
            net.torch.manual_seed(seed if self.init_random_state is None else self.init_random_state)
            device = net.find_device(self.device)
            network = heads.MultitaskNetwork(self._shape(0), [head.n_outputs for head in self.targets_]).to(device)
            learned = tuple(head.learned(target) for head, target in zip(self.targets_, targets, strict=True))
            rows = self._batch(matrix, learned, weight / weight[~watched].mean())
            kept, held = (net.torch.as_tensor(np.flatnonzero(which), device=device) for which in (~watched, watched))
            self.training_ = heads.train_multitask(
                network,
                self._training(len(kept)),
                rows.take(kept),
                rows.take(held) if len(held) else None,
                self._balance(),
                seed,
            )
        self.network_ = network
        return self

    def body(self) -> State:
        """Return a copy of the weights of the shared layers, by their names in a network of one target."""
        own = {name: value for name, value in self.state().items() if name.startswith("shared.")}
        return {name.removeprefix("shared."): value for name, value in own.items()}

    def predict_targets(self, X: Any) -> list[NDArray[Any]]:
        """Return class codes or values of each target, arrays of shape (n_samples,)."""
        answers = zip(self.targets_, self._head_outputs(X), strict=True)
        return [scores.argmax(axis=1) if head.is_class else head.values(scores) for head, scores in answers]

    def predict_proba_targets(self, X: Any) -> list[NDArray[np.float64] | None]:
        """Return class probabilities of each target, arrays of shape (n_samples, n_classes); None for values."""
        answers = zip(self.targets_, self._head_outputs(X), strict=True)
        return [softmax(scores) if head.is_class else None for head, scores in answers]

    def _head_outputs(self, X: Any) -> list[NDArray[np.float64]]:
        check_is_fitted(self, "network_")
        net = torch_net()
        rows = self._batch(as_matrix(X, self.n_features_in_), (), None)
        with net.repeatable(self.n_jobs), net.torch.no_grad():
            self.network_.eval()
            found = [scores.cpu().double().numpy() for scores in self.network_(rows.numbers, rows.codes)]
        return [head.scores(scores) for head, scores in zip(self.targets_, found, strict=True)]

    def _balance(self) -> Any:
        tensor = torch_net().torch.tensor
        lambdas = [1.0] * len(self.targets_) if self.lambdas is None else [float(one) for one in self.lambdas]
        device = torch_net().find_device(self.device)
        return torch_heads().Balance(
            weighting=self.weighting,
            lambdas=tensor(lambdas, device=device),
            is_class=tensor([head.is_class for head in self.targets_], device=device),
            alpha=self.gradnorm_alpha,
            learning_rate=self.gradnorm_learning_rate,
        )


class TorchMultitaskClassifier(ClassifierMixin, TorchMultitask):  # type: ignore[misc]  # scikit-learn has no types
    __doc__ = (TorchMultitask.__doc__ or "").replace("Shared layers and one head per target", "One head of classes", 1)

    def fit(  # type: ignore[override]  # the base allows more arguments
        self,
        X: Any,
        y: NDArray[Any],
        sample_weight: Floats | None = None,
        *,
        groups: NDArray[Any] | None = None,
    ) -> Self:
        """Fit one head on rows and their classes."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        kind: TargetType = "binary" if len(self.classes_) == 2 else "multiclass"
        only = Target(name="y", y=codes, target_type=kind, n_classes=len(self.classes_))
        return self.fit_targets(X, [only], sample_weight, groups=groups)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return classes, shape (n_samples,)."""
        return np.asarray(self.classes_[self.predict_targets(X)[0]])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return class probabilities, shape (n_samples, n_classes)."""
        return np.asarray(self.predict_proba_targets(X)[0])


class TorchMultitaskRegressor(RegressorMixin, TorchMultitask):  # type: ignore[misc]  # scikit-learn has no types
    __doc__ = (TorchMultitask.__doc__ or "").replace("Shared layers and one head per target", "One head of values", 1)

    def fit(  # type: ignore[override]  # the base allows more arguments
        self,
        X: Any,
        y: NDArray[Any],
        sample_weight: Floats | None = None,
        *,
        groups: NDArray[Any] | None = None,
    ) -> Self:
        """Fit one head on rows and their values."""
        only = Target(name="y", y=np.asarray(y, dtype=np.float64), target_type="continuous")
        return self.fit_targets(X, [only], sample_weight, groups=groups)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return values, shape (n_samples,)."""
        return np.asarray(self.predict_targets(X)[0])


@dataclass(frozen=True, kw_only=True)
class _Head:
    """What prediction needs to know of a target."""

    name: str
    is_class: bool
    n_outputs: int
    absent: tuple[int, ...] = ()
    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, target: Target, rows: NDArray[Any]) -> _Head:
        if target.is_class:
            absent = np.setdiff1d(np.arange(target.n_classes), target.y[rows & target.known])
            return cls(name=target.name, is_class=True, n_outputs=target.n_classes, absent=tuple(absent.tolist()))
        values = target.y[rows & target.known]
        constant = float(np.ptp(values)) == 0  # a standard deviation need not be exactly 0 then
        scale = 0.0 if constant else float(values.std())
        return cls(name=target.name, is_class=False, n_outputs=1, mean=float(values.mean()), scale=scale)

    def learned(self, target: Target) -> NDArray[Any]:
        if self.is_class:
            return target.y.astype(np.int64)
        return ((target.y - self.mean) / (self.scale or 1.0)).astype(np.float32)

    def scores(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores with classes that no training row has ruled out."""
        scores[:, self.absent] = -np.inf
        return scores

    def values(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(scores[:, 0] * self.scale + self.mean)


def torch_heads() -> ModuleType:
    """Import and return the file with the network of several heads."""
    torch_net()
    from fusebench.learners import _torch_heads

    return _torch_heads
