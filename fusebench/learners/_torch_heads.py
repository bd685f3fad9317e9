"""The network of `torch_multitask`: shared layers, one head per target, losses weighed. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

import torch
from torch import Tensor, nn

from fusebench.learners._torch_net import Batch, Network, Shape, batch_bounds
from fusebench.learners._torch_training import Best, Training, check_finite, make_optimizer

Weighting = Literal["fixed", "uncertainty", "gradnorm"]


class MultitaskNetwork(nn.Module):
    """Shared layers and one linear head per target."""

    def __init__(self, shape: Shape, n_outputs: Sequence[int]) -> None:
        super().__init__()
        self.shared = Network(replace(shape, n_outputs=0))
        self.heads = nn.ModuleList(nn.Linear(self.shared.width, n) for n in n_outputs)
        # Of uncertainty weighting; without a gradient, and so unchanged, under the others.
        self.log_variance = nn.Parameter(torch.zeros(len(n_outputs)))

    def forward(self, numbers: Tensor, codes: Tensor) -> list[Tensor]:
        """Return the outputs of each head, shape (n_samples, its outputs)."""
        found = self.shared(numbers, codes)
        return [head(found) for head in self.heads]

    @property
    def last_shared(self) -> Tensor:
        """The weights of the last shared layer, where GradNorm measures gradients."""
        layers = [module for module in self.shared.body if isinstance(module, nn.Linear)]
        return layers[-1].weight


def target_losses(outputs: Sequence[Tensor], batch: Batch, is_class: Sequence[bool]) -> tuple[Tensor, Tensor]:
    """Return the mean loss of each target over the rows that have it, and how much weight those rows have.

    Parameters
    ----------
    outputs : sequence of Tensor of shape (n_samples, n_outputs)
    batch : Batch
        Targets: codes, -1 where missing, or values, NaN where missing.
    is_class : sequence of bool
        Which targets are classes: their loss is log loss, that of the others squared error.

    Returns
    -------
    losses, present : Tensor of shape (n_targets,)
        A target that no row has, has loss 0 and weight 0.
    """
    losses, present = [], []
    for scores, target, classes in zip(outputs, batch.targets, is_class, strict=True):
        known = target >= 0 if classes else ~torch.isnan(target)
        weight = batch.weight * known
        if classes:
            own = nn.functional.cross_entropy(scores, target.clamp(min=0), reduction="none")
        else:
            own = (scores[:, 0] - torch.where(known, target, 0)) ** 2
        total = weight.sum()
        losses.append((own * weight).sum() / total.clamp(min=1e-12))
        present.append(total)
    return torch.stack(losses), torch.stack(present)


def uncertainty_loss(losses: Tensor, log_variance: Tensor, is_class: Tensor) -> Tensor:
    """Return sum_t of exp(-s_t) L_t (classes) or exp(-s_t) L_t / 2 (values), plus s_t / 2, with s_t = log sigma_t**2.

    References
    ----------
    .. [1] A. Kendall, Y. Gal, R. Cipolla, Multi-task learning using uncertainty to weigh losses for scene geometry and
       semantics, CVPR 2018, equations 7 and 10.
    """
    scale = torch.where(is_class, 1.0, 0.5)
    return (scale * torch.exp(-log_variance) * losses + log_variance / 2).sum()


def gradnorm_step(
    lambdas: Tensor, norms: Tensor, losses: Tensor, initial: Tensor, *, alpha: float, learning_rate: float
) -> Tensor:
    """Return the weights after one step of GradNorm, shape (n_targets,); their sum stays.

    Parameters
    ----------
    lambdas : Tensor of shape (n_targets,)
        The weights.
    norms : Tensor of shape (n_targets,)
        Norms of the gradients of the unweighted losses at the last shared layer.
    losses, initial : Tensor of shape (n_targets,)
        The losses now and at the start.
    alpha : float
        How strongly targets that learn slowly are favoured.
    learning_rate : float
        Of the weights.

    Notes
    -----
    With G_t = lambda_t * norm_t and relative rates r_t = (L_t / L_t(0)) / mean, the weights descend
    sum_t |G_t - mean(G) r_t**alpha|, the second term held constant; its slope in lambda_t is sign(.) norm_t.

    References
    ----------
    .. [1] Z. Chen et al., GradNorm: gradient normalization for adaptive loss balancing in deep multitask networks,
       ICML 2018, algorithm 1.
    """
    weighted = lambdas * norms
    ratio = losses / initial.clamp(min=1e-12)
    rate = ratio / ratio.mean().clamp(min=1e-12)
    slope = torch.sign(weighted - weighted.mean() * rate**alpha) * norms
    # A weight that reached 0 could never return: its gradient would be 0 as well.
    moved = (lambdas - learning_rate * slope).clamp(min=1e-3)
    return moved * lambdas.sum() / moved.sum()


@dataclass(kw_only=True)
class Balance:
    """How the targets' losses become one.

    Parameters
    ----------
    weighting : {"fixed", "uncertainty", "gradnorm"}
    lambdas : Tensor of shape (n_targets,)
        The weights; where GradNorm starts.
    is_class : Tensor of bool of shape (n_targets,)
    alpha, learning_rate : float
        Of GradNorm.
    """

    weighting: Weighting
    lambdas: Tensor
    is_class: Tensor
    alpha: float
    learning_rate: float
    initial: Tensor | None = field(default=None, init=False)

    def total(self, losses: Tensor, present: Tensor, network: MultitaskNetwork) -> Tensor:
        """Return the loss to minimise; targets that no row of the batch has count nothing."""
        known = present > 0
        if self.weighting == "uncertainty":
            return uncertainty_loss(losses[known], network.log_variance[known], self.is_class[known])
        return (self.lambdas * losses)[known].sum()

    def adapt(self, losses: Tensor, present: Tensor, network: MultitaskNetwork) -> None:
        """Let GradNorm move the weights; needs the graph of the losses."""
        if self.weighting != "gradnorm" or not bool((present > 0).all()):
            return
        if self.initial is None:
            self.initial = losses.detach().clone()
        gradients = [torch.autograd.grad(loss, network.last_shared, retain_graph=True)[0] for loss in losses]
        norms = torch.stack([gradient.norm() for gradient in gradients])
        self.lambdas = gradnorm_step(
            self.lambdas, norms, losses.detach(), self.initial, alpha=self.alpha, learning_rate=self.learning_rate
        )


@dataclass
class MultitaskTrained:
    """What training found: the mean losses of each target per epoch, the epoch that was kept, the final weights."""

    losses: list[list[float]]
    validation_losses: list[float]
    best_epoch: int
    lambdas: list[float]


def train_multitask(
    network: MultitaskNetwork, training: Training, rows: Batch, validation: Batch | None, balance: Balance, seed: int
) -> MultitaskTrained:
    """Train in place; leave the network with the kept weights, in evaluation mode.

    Raises
    ------
    FitError
        If the loss is not finite; names the epoch and the learning rate.
    """
    torch.manual_seed(seed)
    optimizer = make_optimizer(network, training)
    start = balance.lambdas
    found = MultitaskTrained([], [], 0, [])
    best = Best()
    for epoch in range(1, training.max_epochs + 1):
        found.losses.append(_epoch(network, optimizer, rows, balance, training.batch_size))
        check_finite(sum(found.losses[-1]), epoch, training.learning_rate)
        found.best_epoch = epoch
        if validation is None:
            continue
        # By the weights of the start: those that adapt would let the loss fall by themselves.
        found.validation_losses.append(float((start * mean_losses(network, validation, balance.is_class)).sum()))
        check_finite(found.validation_losses[-1], epoch, training.learning_rate)
        best.look_at(network, found.validation_losses[-1], epoch)
        if epoch - best.epoch >= training.patience:
            break
    if best.put_into(network):
        found.best_epoch = best.epoch
    network.eval()
    weights = torch.exp(-network.log_variance.detach()) if balance.weighting == "uncertainty" else balance.lambdas
    found.lambdas = [float(weight) for weight in weights]
    return found


def mean_losses(network: MultitaskNetwork, rows: Batch, is_class: Tensor) -> Tensor:
    """Return the mean loss of each target in evaluation mode, shape (n_targets,)."""
    network.eval()
    with torch.no_grad():
        losses, _ = target_losses(network(rows.numbers, rows.codes), rows, cast("list[bool]", is_class.tolist()))
    return losses


def _epoch(
    network: MultitaskNetwork, optimizer: torch.optim.Optimizer, rows: Batch, balance: Balance, batch_size: int
) -> list[float]:
    network.train()
    is_class = cast("list[bool]", balance.is_class.tolist())
    order = torch.randperm(len(rows)).to(rows.weight.device)
    totals = torch.zeros(len(is_class), dtype=torch.float64)
    weights = torch.zeros(len(is_class), dtype=torch.float64)
    for start, stop in batch_bounds(len(rows), batch_size):
        batch = rows.take(order[start:stop])
        optimizer.zero_grad(set_to_none=True)
        losses, present = target_losses(network(batch.numbers, batch.codes), batch, is_class)
        if not bool((present > 0).any()):
            continue
        total = balance.total(losses, present, network)
        balance.adapt(losses, present, network)
        total.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        optimizer.step()
        totals += (losses.detach() * present).cpu()
        weights += present.cpu()
    return (totals / weights.clamp(min=1e-12)).tolist()
