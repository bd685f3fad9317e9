"""What the estimators of `torch_mlp` and of several targets share. Importing this file does not import torch."""

from __future__ import annotations

import copyreg
from collections.abc import Sequence
from numbers import Integral, Real
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fusebench.learners._early_stopping import validation_rows
from fusebench.learners._network import BaseNetwork, row_weights, torch_net
from fusebench.learners._network_inputs import Inputs, Start, as_matrix
from fusebench.learners.base import Floats

if TYPE_CHECKING:
    from fusebench.learners._torch_net import Batch, Network, Shape, State
    from fusebench.learners._torch_training import Loss, Trained


def torch_training() -> ModuleType:
    """Import and return the file that trains."""
    from fusebench.learners import _torch_training

    return _torch_training


class BaseTorchMLP(BaseNetwork):
    """What the classifier and the regressor share.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(128, 64)
        Units of each hidden layer.
    activation : {"relu", "gelu", "silu", "tanh"}, default="relu"
        Between the layers.
    dropout : float, default=0.0
        Share of the units that are dropped while training, below 1.
    batch_norm : bool, default=False
        Whether each hidden layer is batch-normalised.
    embedding_dim : int, optional
        Width of every embedding; by default half the categories, at most 50.
    optimizer : {"adam", "sgd"}, default="adam"
        ``sgd`` has a Nesterov momentum of 0.9.
    learning_rate : float, default=0.001
    weight_decay : float, default=0.0
        Decoupled from the gradient for ``adam``.
    batch_size : int, optional
        By default a 32nd of the rows, between 16 and 256.
    max_epochs : int, default=100
    early_stopping : bool, default=True
        Whether a tenth of the training part is held out (by group, where there are groups) and the weights of the epoch
        with its smallest loss are kept. Not together with `swa`.
    patience : int, default=15
        Epochs without a smaller loss before training stops.
    swa : bool, default=False
        Whether to average the weights of the last epochs (stochastic weight averaging).
    swa_start : float, default=0.75
        Share of the epochs before the averaging.
    swa_learning_rate : float, optional
        Learning rate of the averaged epochs; by default `learning_rate`.
    categorical_features : tuple of int, default=()
        Columns of codes that get embeddings; NaN is a missing category.
    device : {"cpu", "cuda"}, default="cpu"
        ``cuda`` may differ in its last bits from run to run.
    random_state : int, optional
        Of the initial weights, the order of the rows, dropout and the held-out rows; None is 0.
    init_random_state : int, optional
        Of the initial weights alone; by default `random_state`. Networks that are to be averaged share it.
    n_jobs : int, default=1
        Threads; another number may change the last bits.

    Attributes
    ----------
    training_ : Trained
        Losses per epoch and the epoch that was kept.

    Notes
    -----
    Inputs and, for regression, the target are standardised on the rows that are fitted. On a CPU two fits with the
    same parameters and threads give the same bits. O(max_epochs * n_samples * n_weights).
    """

    takes_soft_targets: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"relu", "gelu", "silu", "tanh"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_norm": ["boolean"],
        "embedding_dim": [Interval(Integral, 1, None, closed="left"), None],
        "optimizer": [StrOptions({"adam", "sgd"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "swa": ["boolean"],
        "swa_start": [Interval(Real, 0, 1, closed="both")],
        "swa_learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "categorical_features": ["array-like"],
        "device": [StrOptions({"cpu", "cuda"})],
        "random_state": [Interval(Integral, 0, None, closed="left"), None],
        "init_random_state": [Interval(Integral, 0, None, closed="left"), None],
        "n_jobs": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (128, 64),
        *,
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
        swa: bool = False,
        swa_start: float = 0.75,
        swa_learning_rate: float | None = None,
        categorical_features: Sequence[int] = (),
        device: str = "cpu",
        random_state: int | None = None,
        init_random_state: int | None = None,
        n_jobs: int = 1,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
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
        self.swa = swa
        self.swa_start = swa_start
        self.swa_learning_rate = swa_learning_rate
        self.categorical_features = categorical_features
        self.device = device
        self.random_state = random_state
        self.init_random_state = init_random_state
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return plain data alone: the network as its architecture and its weights by name, so that it needs no pickle.

        A network that was compressed to layers of another kind stays as it is.
        """
        state = dict(super().__getstate__())
        if "network_" in state and (described := torch_net().described(state["network_"])) is not None:
            state["network_"] = described
        return state

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Copy and pickle the network as it is: between processes, and for the bytes that a model takes."""
        return copyreg.__newobj__, (type(self),), dict(super().__getstate__())  # type: ignore[attr-defined]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the network again from what `__getstate__` gave."""
        network = state.get("network_")
        if isinstance(network, dict):
            state = {**state, "network_": torch_net().restored(network)}
        super().__setstate__(state)

    def fit_by_group(self, X: Any, y: NDArray[Any], groups: NDArray[Any], **arguments: Any) -> Self:
        """Fit with groups that are kept on one side of the early-stopping split; see `fit`."""
        return self.fit(X, y, groups=groups, **arguments)

    def fit(self, X: Any, y: NDArray[Any], sample_weight: Floats | None = None, **arguments: Any) -> Self:
        """Fit; see the subclass."""
        raise NotImplementedError

    def with_state(self, state: State, X: Any = None) -> Self:
        """Return a copy of this fitted estimator with other weights; see `BaseNetwork.with_state`."""
        other = super().with_state(state)
        if X is not None:
            net = torch_net()
            with net.repeatable(self.n_jobs):
                net.recompute_batch_norm(other.network_, self._batch(as_matrix(X, self.n_features_in_), (), None))
        return other

    def fisher(self, X: Any) -> State:
        """Return the diagonal of the Fisher information of every weight on some rows, by name; for merging.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self, "network_")
        net = torch_net()
        with net.repeatable(self.n_jobs):
            rows = self._batch(as_matrix(X, self.n_features_in_), (), None)
            found: State = net.fisher_diagonal(self.network_, rows, classes=self.takes_soft_targets)
        return found

    def _shape(self, n_outputs: int) -> Shape:
        sizes = self.hidden_layer_sizes
        shape: Shape = torch_net().Shape(
            n_numbers=self.inputs_.n_numbers,
            cardinalities=self.inputs_.cardinalities,
            hidden_layer_sizes=tuple(int(units) for units in np.atleast_1d(np.asarray(sizes))),
            n_outputs=n_outputs,
            activation=self.activation,
            dropout=self.dropout,
            batch_norm=self.batch_norm,
            embedding_dim=self.embedding_dim,
        )
        return shape

    def _train(
        self,
        X: NDArray[Any],
        targets: tuple[NDArray[Any], ...],
        *,
        n_outputs: int,
        loss: Loss,
        sample_weight: Floats | None,
        watched: NDArray[Any],
        initial_state: State | None,
        start: Start | None = None,
    ) -> None:
        """Make the network and train it; `watched` rows stop it early."""
        net = torch_net()
        seed = self.random_state or 0
        device = net.find_device(self.device)
        weight = row_weights(sample_weight, watched)
        weight = weight / weight[~watched].mean()
        with net.repeatable(self.n_jobs):
            init = seed if self.init_random_state is None else self.init_random_state
            network: Network = net.make_network(self._shape(n_outputs), init).to(device)
            if initial_state is not None:
                net.load_state(network, initial_state)
            if start is not None and start.body is not None:
                net.load_body(network, start.body)
            if start is not None and start.frozen:
                net.freeze_body(network)
            rows = self._batch(X, targets, weight)
            kept = net.torch.as_tensor(np.flatnonzero(~watched), device=device)
            held = net.torch.as_tensor(np.flatnonzero(watched), device=device)
            validation = rows.take(held) if len(held) and float(weight[watched].sum()) > 0 else None
            self.training_: Trained = torch_training().train(
                network, self._training(len(X)), rows.take(kept), validation, loss, seed
            )
            net.thaw(network)
        self.network_ = network

    def _training(self, n_rows: int) -> Any:
        return torch_training().Training(
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            optimizer=self.optimizer,
            batch_size=self.batch_size or min(256, max(16, n_rows // 32)),
            max_epochs=self.max_epochs,
            patience=self.patience,
            swa=self.swa,
            swa_start=self.swa_start,
            swa_learning_rate=self.swa_learning_rate,
        )

    def _batch(self, X: NDArray[Any], targets: tuple[NDArray[Any], ...], weight: Floats | None) -> Batch:
        net = torch_net()
        device = net.find_device(self.device)

        def tensor(values: NDArray[Any]) -> Any:
            return net.torch.as_tensor(values, device=device)

        batch: Batch = net.Batch(
            numbers=tensor(self.inputs_.numbers(X)),
            codes=tensor(self.inputs_.codes(X)),
            targets=tuple(map(tensor, targets)),
            weight=tensor((np.ones(len(X)) if weight is None else weight).astype(np.float32)),
        )
        return batch

    def _watched(
        self, y: NDArray[Any], groups: NDArray[Any] | None, validation: NDArray[Any] | None, *, stratify: bool
    ) -> NDArray[Any]:
        """Return which rows early stopping watches."""
        if validation is not None:
            return np.asarray(validation, dtype=bool)
        if not self.early_stopping or self.swa:
            return np.zeros(len(y), dtype=bool)
        return validation_rows(y, stratify=stratify, random_state=self.random_state or 0, groups=groups)

    def _outputs(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self, "network_")
        net = torch_net()
        rows = self._batch(as_matrix(X, self.n_features_in_), (), None)
        with net.repeatable(self.n_jobs):
            found: NDArray[np.float64] = net.outputs(self.network_, rows.numbers, rows.codes)
        return found

    def _prepare(self, X: Any, watched: NDArray[Any], start: Start | None = None) -> NDArray[Any]:
        matrix = as_matrix(X, None)
        self.n_features_in_ = matrix.shape[1]
        self.inputs_ = Inputs(matrix[~watched], self.categorical_features) if start is None else start.inputs
        return matrix
