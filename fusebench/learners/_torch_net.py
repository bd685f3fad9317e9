"""The network of `torch_mlp` and how it is trained; imported when something is fitted, for it imports torch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fusebench.errors import FitError

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}
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

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        sizes = [(n, shape.embedding_dim or embedding_width(n)) for n in shape.cardinalities]
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
        self.head: nn.Module = nn.Linear(width, shape.n_outputs) if shape.n_outputs else nn.Identity()

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """Return the outputs, shape (n_samples, n_outputs)."""
        embedded = [embed(codes[:, column]) for column, embed in enumerate(self.embeddings)]
        return cast("Tensor", self.head(self.body(torch.cat([numbers, *embedded], dim=1))))


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
    return {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}


def load_state(network: nn.Module, state: State) -> None:
    """Put weights into a network.

    Raises
    ------
    FitError
        If they are of another architecture.
    """
    own = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: np.shape(value) for name, value in state.items()}
    if own != given:
        different = next(name for name in {**own, **given} if own.get(name) != given.get(name))
        raise FitError(
            f"weights of another architecture: '{different}' has shape {given.get(different)}, "
            f"expected {own.get(different)}"
        )
    network.load_state_dict({name: torch.as_tensor(np.asarray(value)) for name, value in state.items()})


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


Loss = Callable[[Tensor, tuple[Tensor, ...]], Tensor]
"""From outputs and targets to one loss per row, shape (n_samples,)."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a network is trained; the parameters of `torch_mlp`."""

    learning_rate: float
    weight_decay: float
    optimizer: str
    batch_size: int
    max_epochs: int
    patience: int
    swa: bool
    swa_start: float
    swa_learning_rate: float | None


@dataclass
class Trained:
    """What training found.

    Parameters
    ----------
    losses, validation_losses : list of float
        Mean loss per epoch; the second is empty without validation rows.
    best_epoch : int
        The epoch, from 1, whose weights were kept; the last one where nothing stopped early.
    n_averaged : int
        Epochs whose weights were averaged; 0 without stochastic weight averaging.
    """

    losses: list[float]
    validation_losses: list[float]
    best_epoch: int
    n_averaged: int = 0


def train(
    network: Network, training: Training, train_rows: Batch, validation: Batch | None, loss: Loss, seed: int
) -> Trained:
    """Train in place; leave the network with the kept weights, in evaluation mode.

    Parameters
    ----------
    network : Network
    training : Training
    train_rows, validation : Batch
        Early stopping watches `validation`; None for none.
    loss : callable
    seed : int
        Of the order of the rows and of dropout.

    Raises
    ------
    FitError
        If the loss is not finite; names the epoch and the learning rate.
    """
    torch.manual_seed(seed)
    optimizer = make_optimizer(network, training)
    found = Trained([], [], 0)
    best, best_loss, stopped_at = None, math.inf, 0
    average = _Average(network)
    first_averaged = math.ceil(training.swa_start * training.max_epochs) if training.swa else training.max_epochs + 1
    for epoch in range(1, training.max_epochs + 1):
        if epoch == first_averaged and training.swa_learning_rate is not None:
            for group in optimizer.param_groups:
                group["lr"] = training.swa_learning_rate
        found.losses.append(_epoch(network, optimizer, train_rows, loss, training.batch_size))
        check_finite(found.losses[-1], epoch, optimizer.param_groups[0]["lr"])
        found.best_epoch = epoch
        if epoch >= first_averaged:
            average.add(network)
            continue
        if validation is None:
            continue
        found.validation_losses.append(mean_loss(network, validation, loss))
        check_finite(found.validation_losses[-1], epoch, optimizer.param_groups[0]["lr"])
        if found.validation_losses[-1] < best_loss:
            best_loss, best, stopped_at = found.validation_losses[-1], copy.deepcopy(network.state_dict()), epoch
        elif not training.swa and epoch - stopped_at >= training.patience:
            break
    if average.n_averaged:
        average.put_into(network)
        found.n_averaged = average.n_averaged
        recompute_batch_norm(network, train_rows)
    elif best is not None:
        network.load_state_dict(best)
        found.best_epoch = stopped_at
    network.eval()
    return found


def mean_loss(network: Network, rows: Batch, loss: Loss) -> float:
    """Return the weighted mean loss of some rows in evaluation mode."""
    network.eval()
    with torch.no_grad():
        losses = loss(network(rows.numbers, rows.codes), rows.targets)
        return float((losses * rows.weight).sum() / rows.weight.sum())


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


class _Average:
    """The running mean of weights over epochs: w_n = w_{n-1} + (w - w_{n-1}) / n."""

    def __init__(self, network: nn.Module) -> None:
        self.n_averaged = 0
        self.mean = {name: torch.zeros_like(value) for name, value in network.named_parameters()}

    def add(self, network: nn.Module) -> None:
        self.n_averaged += 1
        with torch.no_grad():
            for name, value in network.named_parameters():
                self.mean[name] += (value - self.mean[name]) / self.n_averaged

    def put_into(self, network: nn.Module) -> None:
        with torch.no_grad():
            for name, value in network.named_parameters():
                value.copy_(self.mean[name])


def _epoch(network: Network, optimizer: Any, rows: Batch, loss: Loss, batch_size: int) -> float:
    network.train()
    order = torch.randperm(len(rows)).to(rows.weight.device)
    total = torch.zeros((), dtype=torch.float64)
    for start, stop in batch_bounds(len(rows), batch_size):
        batch = rows.take(order[start:stop])
        optimizer.zero_grad(set_to_none=True)
        losses = loss(network(batch.numbers, batch.codes), batch.targets) * batch.weight
        # Divided by the rows, not by their weights: a row's pull does not depend on its neighbours in the batch.
        losses.mean().backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        optimizer.step()
        total += losses.detach().sum().cpu()
    return float(total / rows.weight.sum().cpu())


def batch_bounds(n_samples: int, batch_size: int) -> list[tuple[int, int]]:
    """Return where batches start and stop; a last row alone, which BatchNorm cannot take, joins the batch before."""
    starts = list(range(0, n_samples, batch_size))
    if len(starts) > 1 and n_samples - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], n_samples], strict=True))


def make_optimizer(network: nn.Module, training: Training) -> torch.optim.Optimizer:
    """Return the optimizer of a training."""
    settings: dict[str, Any] = {"lr": training.learning_rate, "weight_decay": training.weight_decay}
    if training.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=0.9, nesterov=True, **settings)
    return torch.optim.AdamW(network.parameters(), **settings)


def check_finite(loss: float, epoch: int, learning_rate: float) -> None:
    """Raise a FitError that names the epoch and the learning rate for a loss that is not finite."""
    if not math.isfinite(loss):
        raise FitError(f"the loss is {loss} in epoch {epoch} with learning_rate={learning_rate:g}; lower learning_rate")


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
