"""The network of `transformer` and how it is fine-tuned; imported when something is fitted."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fusebench.errors import FitError
from fusebench.learners._torch_net import batch_bounds
from fusebench.learners._torch_training import Best, check_finite

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # threads of its own would not survive a fork
PREDICTION_BATCH = 32
MAX_GRADIENT = 1.0
WARM_UP = 0.1

Tokens = list[list[int]]


class TextNetwork(nn.Module):
    """A pretrained body, a pooling of its tokens, and one linear head."""

    def __init__(self, body: nn.Module, tokenizer: Any, *, pooling: str, max_length: int, n_outputs: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(int(cast("Any", body).config.hidden_size), n_outputs)
        self.tokenizer = tokenizer
        self.pooling = pooling
        self.max_length = max_length

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Return the token numbers of each text, cut to `max_length`."""
        found = self.tokenizer(list(texts), truncation=True, max_length=self.max_length, padding=False)["input_ids"]
        return [list(one) or [self.padding] for one in found]

    @property
    def padding(self) -> int:
        """The token that fills short texts; they are masked, so any would do."""
        return int(self.tokenizer.pad_token_id or 0)

    def pooled(self, tokens: Tokens) -> Tensor:
        """Return one vector per text, shape (n_samples, width)."""
        device = self.head.weight.device
        longest = max(map(len, tokens))
        ids = torch.full((len(tokens), longest), self.padding, dtype=torch.long)
        mask = torch.zeros((len(tokens), longest), dtype=torch.long)
        for row, own in enumerate(tokens):
            ids[row, : len(own)] = torch.as_tensor(own)
            mask[row, : len(own)] = 1
        ids, mask = ids.to(device), mask.to(device)
        hidden = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.pooling == "cls":
            return cast("Tensor", hidden[:, 0])
        weight = mask[:, :, None].to(hidden.dtype)
        return cast("Tensor", (hidden * weight).sum(dim=1) / weight.sum(dim=1))

    def forward(self, tokens: Tokens) -> Tensor:
        """Return the outputs, shape (n_samples, n_outputs)."""
        return cast("Tensor", self.head(self.pooled(tokens)))

    def set_head(self, weights: NDArray[Any], biases: NDArray[Any]) -> None:
        """Put weights (n_outputs, width) and biases (n_outputs,) into the head."""
        with torch.no_grad():
            self.head.weight.copy_(torch.as_tensor(weights, dtype=torch.float32))
            self.head.bias.copy_(torch.as_tensor(biases, dtype=torch.float32))


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How a network is fine-tuned; the parameters of `transformer`."""

    tune: str
    n_layers: int
    lora_rank: int
    lora_alpha: float
    learning_rate: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    seed: int
    init_seed: int


@dataclass
class Tuned:
    """What fine-tuning found: mean loss per epoch, that of the watched rows, and the epoch kept (0 for none)."""

    losses: list[float]
    validation_losses: list[float]
    best_epoch: int


@dataclass(frozen=True)
class Rows:
    """Texts as tokens, their class codes or standardised values, and their weights."""

    tokens: Tokens
    target: NDArray[Any]
    weight: NDArray[np.float64]

    def take(self, rows: NDArray[Any]) -> Rows:
        """Return some of the rows."""
        return Rows([self.tokens[row] for row in rows], self.target[rows], self.weight[rows])

    def __len__(self) -> int:
        return len(self.tokens)


def load(folder: Path, *, pooling: str, max_length: int, n_outputs: int) -> TextNetwork:
    """Return a network with a model's weights and a head that is still to be set.

    Raises
    ------
    FitError
        If transformers cannot read the folder, or it is no encoder of text.
    """
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        torch.manual_seed(0)  # of what the files lack, such as a pooler that is never used
        body, told = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise FitError(f"the model in '{folder}' cannot be read: {' '.join(str(error).split())[:300]}") from error
    lost = sorted(name for name in told["missing_keys"] if not name.startswith("pooler."))
    if lost:
        raise FitError(f"the weights in '{folder}' lack {len(lost)} arrays of the model, such as '{lost[0]}'")
    if getattr(body.config, "is_encoder_decoder", False):
        raise FitError(f"the model in '{folder}' is an encoder with a decoder; name an encoder such as BERT")
    limit = getattr(body.config, "max_position_embeddings", max_length)
    length = min(max_length, limit) if isinstance(limit, int) and limit > 0 else max_length
    network = TextNetwork(body, tokenizer, pooling=pooling, max_length=length, n_outputs=n_outputs)
    network.eval()
    return network


def vectors(network: TextNetwork, tokens: Tokens) -> NDArray[np.float64]:
    """Return the pooled vectors of texts in evaluation mode, shape (n_samples, width).

    Raises
    ------
    FitError
        If they are not finite.
    """
    found = _by_length(network, tokens, network.pooled)
    if not np.isfinite(found).all():
        raise FitError("the model's vectors are not finite: are its weights damaged?")
    return found


def outputs(network: TextNetwork, tokens: Tokens) -> NDArray[np.float64]:
    """Return the network's outputs in evaluation mode, shape (n_samples, n_outputs)."""
    return _by_length(network, tokens, network)


def _by_length(network: TextNetwork, tokens: Tokens, function: Any) -> NDArray[np.float64]:
    """Apply a function to batches of texts of about one length, which need little padding."""
    network.eval()
    order = sorted(range(len(tokens)), key=lambda row: (len(tokens[row]), row))
    parts: list[NDArray[np.float64]] = []
    with torch.no_grad():
        for start in range(0, len(order), PREDICTION_BATCH):
            batch = [tokens[row] for row in order[start : start + PREDICTION_BATCH]]
            parts.append(function(batch).cpu().double().numpy())
    if not parts:
        return np.empty((0, network.head.out_features))
    found = np.concatenate(parts)
    back = np.empty(len(order), dtype=np.intp)
    back[order] = np.arange(len(order))
    return found[back]


def fisher_diagonal(network: TextNetwork, tokens: Tokens, *, classes: bool) -> dict[str, NDArray[np.float64]]:
    """Return the mean over texts of E_c (d log p_c / d theta)**2, or of (d f / d theta)**2 for values, by name."""
    network.eval()
    weights = dict(network.named_parameters())
    total = {name: torch.zeros_like(value, dtype=torch.float64) for name, value in weights.items()}
    for row in tokens:
        scores = network([row])[0]
        answers = nn.functional.log_softmax(scores, dim=0) if classes else scores
        shares = answers.detach().exp() if classes else torch.ones_like(answers)
        for position, answer in enumerate(answers):
            last = position == len(answers) - 1
            gradients = torch.autograd.grad(answer, list(weights.values()), retain_graph=not last, allow_unused=True)
            for name, gradient in zip(weights, gradients, strict=True):
                if gradient is not None:
                    total[name] += shares[position].double() * gradient.double() ** 2
    return {name: (value / max(len(tokens), 1)).cpu().numpy() for name, value in total.items()}


def fine_tune(network: TextNetwork, tuning: Tuning, rows: Rows, watched: NDArray[Any]) -> Tuned:
    """Train in place; leave plain weights of the same names and shapes, in evaluation mode.

    Raises
    ------
    FitError
        If the loss is not finite (names the epoch and the learning rate), or there are fewer layers than asked for.
    """
    train, held = rows.take(np.flatnonzero(~watched)), rows.take(np.flatnonzero(watched))
    with _trainable(network, tuning):
        torch.manual_seed(tuning.seed)
        weights = [value for value in network.parameters() if value.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=tuning.learning_rate, weight_decay=tuning.weight_decay)
        n_steps = tuning.max_epochs * len(batch_bounds(len(train), tuning.batch_size))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _warm_up_and_decay(n_steps))
        found, best = Tuned([], [], 0), Best()
        for epoch in range(1, tuning.max_epochs + 1):
            found.losses.append(_epoch(network, optimizer, schedule, train, tuning.batch_size))
            check_finite(found.losses[-1], epoch, tuning.learning_rate)
            found.best_epoch = epoch
            if len(held) and held.weight.sum() > 0:
                found.validation_losses.append(_mean_loss(network, held))
                check_finite(found.validation_losses[-1], epoch, tuning.learning_rate)
                best.look_at(network, found.validation_losses[-1], epoch)
        if best.put_into(network):
            found.best_epoch = best.epoch
    network.eval()
    return found


def _epoch(network: TextNetwork, optimizer: Any, schedule: Any, rows: Rows, batch_size: int) -> float:
    network.train()
    order, total = torch.randperm(len(rows)).numpy(), 0.0
    for start, stop in batch_bounds(len(rows), batch_size):
        batch = rows.take(order[start:stop])
        optimizer.zero_grad(set_to_none=True)
        losses = _losses(network, batch)
        losses.mean().backward()
        nn.utils.clip_grad_norm_([one for one in network.parameters() if one.requires_grad], MAX_GRADIENT)
        optimizer.step()
        schedule.step()
        total += float(losses.detach().double().sum())
    return total / float(rows.weight.sum())


def _losses(network: TextNetwork, rows: Rows) -> Tensor:
    """Return the weighted loss of each row: log loss for codes, squared error for values."""
    scores = network(rows.tokens)
    target = torch.as_tensor(rows.target, device=scores.device)
    weight = torch.as_tensor(rows.weight, dtype=torch.float32, device=scores.device)
    if target.dtype == torch.long:
        return nn.functional.cross_entropy(scores, target, reduction="none") * weight
    return cast("Tensor", (scores[:, 0] - target) ** 2 * weight)


def _mean_loss(network: TextNetwork, rows: Rows) -> float:
    network.eval()
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(rows), PREDICTION_BATCH):
            batch = rows.take(np.arange(start, min(start + PREDICTION_BATCH, len(rows))))
            total += float(_losses(network, batch).double().sum())
    return total / float(rows.weight.sum())


def _warm_up_and_decay(n_steps: int) -> Any:
    warm = max(1, round(WARM_UP * n_steps))
    return lambda step: min((step + 1) / warm, max(0.0, (n_steps - step) / max(1, n_steps - warm + 1)))


@contextmanager
def _trainable(network: TextNetwork, tuning: Tuning) -> Iterator[None]:
    """Free the weights that are to be trained; afterwards low-rank updates are merged and nothing is left of them."""
    for value in network.body.parameters():
        value.requires_grad_(tuning.tune == "all")
    if tuning.tune == "last":
        for layer in _last_layers(network.body, tuning.n_layers):
            for value in layer.parameters():
                value.requires_grad_(True)
    if tuning.tune == "lora":
        torch.manual_seed(tuning.init_seed)
        network.body = _with_lora(network.body, tuning)
    try:
        yield
    finally:
        if tuning.tune == "lora":
            network.body = cast("Any", network.body).merge_and_unload()
        for value in network.parameters():
            value.requires_grad_(True)


def _last_layers(body: nn.Module, count: int) -> list[nn.Module]:
    stacks = [module for module in body.modules() if isinstance(module, nn.ModuleList)]
    layers = max(map(list, stacks), key=len, default=[])
    if count > len(layers):
        raise FitError(f"n_layers: got {count}, but the model has {len(layers)} layers")
    return layers[-count:]


def _with_lora(body: nn.Module, tuning: Tuning) -> nn.Module:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=tuning.lora_rank, lora_alpha=cast("Any", tuning.lora_alpha), target_modules="all-linear", lora_dropout=0.0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft 0.21 asks transformers 5.24 for attributes it renamed
        return cast("nn.Module", get_peft_model(cast("Any", body), config))
