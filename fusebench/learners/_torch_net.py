"""The network of `torch_mlp` and how it is trained; imported when something is fitted, for it imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fusebench.compressions._torch import Int8Form, Int8Linear
from fusebench.errors import FitError

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}
LINEAR = (nn.Linear, Int8Linear)
PLAIN_LAYERS = frozenset({*LINEAR, nn.BatchNorm1d, nn.Dropout, nn.Identity, *ACTIVATIONS.values()})
PREDICTION_BATCH = 8192
FISHER_BATCH = 256

State = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The architecture of a network.

    Parameters
    ----------
    n_numbers : int
        Numeric inputs.
    cardinalities : tuple of int
        Codes of each categorical input, the one for missing and unseen values included.
    hidden_layer_sizes : tuple of int
        Units of each hidden layer.
    n_outputs : int
        Outputs; 0 for a body without a head.
    """

    n_numbers: int
    cardinalities: tuple[int, ...]
    hidden_layer_sizes: tuple[int, ...]
    n_outputs: int
    activation: str = "relu"
    dropout: float = 0.0
    batch_norm: bool = False
    embedding_dim: int | None = None


class Network(nn.Module):
    """Embeddings beside numbers, hidden layers, one linear head."""

    def __init__(self, shape: Shape, widths: Sequence[int] | None = None) -> None:
        super().__init__()
        widths = [shape.embedding_dim or embedding_width(n) for n in shape.cardinalities] if widths is None else widths
        sizes = list(zip(shape.cardinalities, widths, strict=True))
        self.embeddings = nn.ModuleList(nn.Embedding(n, width) for n, width in sizes)
        width = shape.n_numbers + sum(width for _, width in sizes)
        layers: list[nn.Module] = []
        for units in shape.hidden_layer_sizes:
            layers.append(nn.Linear(width, units))
            if shape.batch_norm:
                layers.append(nn.BatchNorm1d(units))
            layers.append(ACTIVATIONS[shape.activation]())
            if shape.dropout > 0:
                layers.append(nn.Dropout(shape.dropout))
            width = units
        self.body = nn.Sequential(*layers)
        self.width = width
        self.frozen = False
        self.head: nn.Module = nn.Linear(width, shape.n_outputs) if shape.n_outputs else nn.Identity()

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """Return the outputs, shape (n_samples, n_outputs)."""
        embedded = [embed(codes[:, column]) for column, embed in enumerate(self.embeddings)]
        return cast("Tensor", self.head(self.body(torch.cat([numbers, *embedded], dim=1))))

    def train(self, mode: bool = True) -> Network:  # torch's own signature
        """Switch to training; a frozen body keeps its running statistics and drops nothing."""
        super().train(mode)
        if self.frozen:
            self.body.eval()
        return self


def freeze_body(network: Network) -> None:
    """Let the head alone be trained."""
    for name, weight in network.named_parameters():
        weight.requires_grad_(name.startswith("head."))
    network.frozen = True


def thaw(network: nn.Module) -> None:
    """Let all weights be trained again."""
    network.requires_grad_(True)
    if isinstance(network, Network):
        network.frozen = False


def load_body(network: Network, body: State) -> None:
    """Put weights into the embeddings and hidden layers; the head stays.

    Raises
    ------
    FitError
        If they are of another architecture.
    """
    head = {name: value for name, value in state_of(network).items() if name.startswith("head.")}
    load_state(network, {**body, **head})


def embedding_width(cardinality: int) -> int:
    """Return the width of an embedding where none is asked for: half the codes, at most 50."""
    return min(50, (cardinality + 1) // 2)


@contextmanager
def repeatable(n_threads: int) -> Iterator[None]:
    """Run a block with a number of threads, leaving torch's own threads and random state as they were."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(before)


def find_device(name: str) -> torch.device:
    """Return a device.

    Raises
    ------
    FitError
        If there is no such device here.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise FitError("device: cuda is asked for, PyTorch finds no GPU here; use device: cpu")
    return torch.device(name)


def make_network(shape: Shape, seed: int) -> Network:
    """Return a network whose weights depend on the shape and the seed alone."""
    torch.manual_seed(seed)
    return Network(shape)


def state_of(network: nn.Module) -> State:
    """Return a copy of the weights and running statistics by name, as arrays."""
    kept = ((name, one) for name, one in network.state_dict().items() if one.device.type != "meta")
    return {name: value.detach().cpu().numpy().copy() for name, value in kept}


def load_state(network: nn.Module, state: State) -> None:
    """Put weights into a network.

    Raises
    ------
    FitError
        If they are of another architecture.
    """
    own = {name: tuple(one.shape) for name, one in network.state_dict().items() if one.device.type != "meta"}
    given = {name: np.shape(value) for name, value in state.items()}
    if own != given:
        different = next(name for name in {**own, **given} if own.get(name) != given.get(name))
        raise FitError(
            f"weights of another architecture: '{different}' has shape {given.get(different)}, "
            f"expected {own.get(different)}"
        )
    elsewhere = len(own) < len(network.state_dict())
    tensors = {name: torch.as_tensor(np.asarray(value)) for name, value in state.items()}
    network.load_state_dict(tensors, strict=not elsewhere)


def described(network: nn.Module) -> dict[str, Any] | None:
    """Return the architecture and the weights of a network as plain data; None where it is of another kind."""
    from fusebench.learners._torch_heads import MultitaskNetwork

    kinds = {(one.device.type, one.dtype) for one in network.state_dict().values()}
    if not kinds <= {("cpu", torch.float32), ("cpu", torch.int64), ("cpu", torch.int8), ("meta", torch.float32)}:
        return None
    found: dict[str, Any] = {"weights": state_of(network), **Int8Form.of(network)}
    if type(network) is MultitaskNetwork and (shape := _shape_of(network.shared)) is not None:
        return {"shape": shape, "heads": [one.out_features for one in network.heads], **found}
    shape = _shape_of(network)
    return None if shape is None else {"shape": shape, **found}


def _shape_of(network: nn.Module) -> dict[str, Any] | None:
    if type(network) is not Network or any(type(one) not in PLAIN_LAYERS for one in [*network.body, network.head]):
        return None
    names = {kind: name for name, kind in ACTIVATIONS.items()}
    used = [names[type(one)] for one in network.body if type(one) in names]
    dropped = [one.p for one in network.body if isinstance(one, nn.Dropout)]
    linear = [one for one in [*network.body, network.head] if isinstance(one, LINEAR)]
    widths = [one.embedding_dim for one in network.embeddings]
    return {
        "n_numbers": (linear[0].in_features if linear else network.width) - sum(widths),
        "cardinalities": [one.num_embeddings for one in network.embeddings],
        "embedding_widths": widths,
        "hidden_layer_sizes": [one.out_features for one in network.body if isinstance(one, LINEAR)],
        "n_outputs": network.head.out_features if isinstance(network.head, LINEAR) else 0,
        "activation": used[0] if used else "relu",
        "dropout": float(dropped[0]) if dropped else 0.0,
        "batch_norm": any(isinstance(one, nn.BatchNorm1d) for one in network.body),
    }


def restored(found: dict[str, Any]) -> nn.Module:
    """Return the network that `described` gave.

    Raises
    ------
    FitError
        If the weights do not fit the architecture.
    """
    from fusebench.learners._torch_heads import MultitaskNetwork

    told: dict[str, Any] = dict(found["shape"])
    widths = told.pop("embedding_widths")
    told |= {name: tuple(told[name]) for name in ("cardinalities", "hidden_layer_sizes")}
    shape = Shape(**told)
    with torch.random.fork_rng(devices=[]):  # what draws the first weights must not move others' seeds
        network: nn.Module = Network(shape, widths)
        if "heads" in found:
            several = MultitaskNetwork(shape, found["heads"])
            several.shared = network  # with the widths that it had
            network = several
    # Files of earlier days say nothing of compressed parts: they held none.
    Int8Form.put_into(network, {name: found.get(name, []) for name in ("int8", "elsewhere")})
    load_state(network, found["weights"])
    network.eval()
    return network


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows on a device: inputs, and what the loss needs of each row."""

    numbers: Tensor
    codes: Tensor
    targets: tuple[Tensor, ...]
    weight: Tensor

    def take(self, rows: Tensor) -> Batch:
        """Return some of the rows."""
        return Batch(
            numbers=self.numbers[rows],
            codes=self.codes[rows],
            targets=tuple(target[rows] for target in self.targets),
            weight=self.weight[rows],
        )

    def __len__(self) -> int:
        return len(self.weight)


def outputs(network: Network, numbers: Tensor, codes: Tensor) -> NDArray[np.float64]:
    """Return the network's outputs in evaluation mode, shape (n_samples, n_outputs)."""
    network.eval()
    with torch.no_grad():
        parts = [
            network(numbers[start : start + PREDICTION_BATCH], codes[start : start + PREDICTION_BATCH]).cpu().double()
            for start in range(0, max(len(numbers), 1), PREDICTION_BATCH)
        ]
    return cast("NDArray[np.float64]", torch.cat(parts).numpy())


def recompute_batch_norm(network: nn.Module, rows: Batch) -> None:
    """Set the running statistics of every BatchNorm layer to those of all rows at once, layer by layer.

    Averaged weights have statistics that no run has seen; without this their predictions are off.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
    if not layers:
        return
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over the batches, which is one
    network.train()
    dropped = [(module, module.p) for module in network.modules() if isinstance(module, nn.Dropout)]
    for module, _ in dropped:
        module.p = 0.0
    with torch.no_grad():
        network(rows.numbers, rows.codes)
    for module, p in dropped:
        module.p = p
    for layer in layers:
        layer.momentum = 0.1
    network.eval()


def batch_bounds(n_samples: int, batch_size: int) -> list[tuple[int, int]]:
    """Return where batches start and stop; a last row alone, which BatchNorm cannot take, joins the batch before."""
    starts = list(range(0, n_samples, batch_size))
    if len(starts) > 1 and n_samples - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], n_samples], strict=True))


def fisher_diagonal(network: Network, rows: Batch, *, classes: bool) -> State:
    """Return the diagonal of the Fisher information of every weight, mean over the rows.

    For classes E_x sum_c p_c (d log p_c / d theta)**2; for values, as Gaussians of variance 1, E_x (d f / d theta)**2.
    The statistics of BatchNorm layers have none. O(n_samples * n_outputs * n_weights).

    References
    ----------
    .. [1] M. Matena, C. Raffel, Merging models with Fisher-weighted averaging, NeurIPS 2022, equation 2.
    """
    network.eval()
    weights = {name: value.detach() for name, value in network.named_parameters()}
    buffers = dict(network.named_buffers())

    def output(own: dict[str, Tensor], numbers: Tensor, codes: Tensor, position: int) -> Tensor:
        scores = torch.func.functional_call(network, {**own, **buffers}, (numbers[None], codes[None]))[0]
        return nn.functional.log_softmax(scores, dim=0)[position] if classes else scores[position]

    total = {name: torch.zeros_like(value, dtype=torch.float64) for name, value in weights.items()}
    with torch.no_grad():
        scores = network(rows.numbers, rows.codes)
    probabilities = torch.softmax(scores, dim=1) if classes else torch.ones_like(scores)
    for position in range(scores.shape[1]):
        gradient_per_row = torch.func.vmap(torch.func.grad(output), in_dims=(None, 0, 0, None))
        for start, stop in batch_bounds(len(rows), FISHER_BATCH):
            gradients = gradient_per_row(weights, rows.numbers[start:stop], rows.codes[start:stop], position)
            for name, gradient in gradients.items():
                squares = gradient.double().flatten(1) ** 2
                own = (probabilities[start:stop, position].double()[:, None] * squares).sum(dim=0)
                total[name] += own.reshape(total[name].shape)
    return {name: (value / len(rows)).cpu().numpy() for name, value in total.items()}
