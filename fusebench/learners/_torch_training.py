"""How the network of `torch_mlp` is trained. Imports torch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fusebench.errors import FitError
from fusebench.learners._torch_net import Batch, Network, batch_bounds, recompute_batch_norm

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


class Best:
    """The weights of the epoch with the smallest validation loss so far."""

    def __init__(self) -> None:
        self.epoch = 0
        self._loss = math.inf
        self._state: dict[str, Any] | None = None

    def look_at(self, network: nn.Module, loss: float, epoch: int) -> None:
        """Keep a network's weights if no epoch before had as small a loss."""
        if loss < self._loss:
            self._loss, self.epoch, self._state = loss, epoch, copy.deepcopy(network.state_dict())

    def put_into(self, network: nn.Module) -> bool:
        """Give a network the weights that were kept; return whether there are any."""
        if self._state is not None:
            network.load_state_dict(self._state)
        return self._state is not None


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
    best = Best()
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
        best.look_at(network, found.validation_losses[-1], epoch)
        if not training.swa and epoch - best.epoch >= training.patience:
            break
    if average.n_averaged:
        average.put_into(network)
        found.n_averaged = average.n_averaged
        recompute_batch_norm(network, train_rows)
    elif best.put_into(network):
        found.best_epoch = best.epoch
    network.eval()
    return found


def mean_loss(network: Network, rows: Batch, loss: Loss) -> float:
    """Return the weighted mean loss of some rows in evaluation mode."""
    network.eval()
    with torch.no_grad():
        losses = loss(network(rows.numbers, rows.codes), rows.targets)
        return float((losses * rows.weight).sum() / rows.weight.sum())


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
