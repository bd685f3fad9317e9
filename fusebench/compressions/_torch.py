"""Compress PyTorch networks; imported when one is compressed."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fusebench.compressions._weights import units_kept

Array = NDArray[Any]


class Int8Linear(nn.Module):
    """A linear layer of 8-bit weights that quantises each input row: exact whole-number products, scaled back."""

    def __init__(self, linear: Any) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight, scale = _quantised(linear.weight.detach())
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().clone())

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs, shape (..., out_features)."""
        rows = inputs.reshape(-1, self.in_features)
        if not len(rows):
            return inputs.new_zeros((*inputs.shape[:-1], self.out_features))
        whole, scale = _quantised(rows)
        out = torch._int_mm(whole, self.weight.t()).to(inputs.dtype) * scale[:, None] * self.scale
        out = out if self.bias is None else out + self.bias
        return out.reshape(*inputs.shape[:-1], self.out_features)


class Int8Embedding(nn.Module):
    """An embedding of 8-bit rows, each with its scale."""

    def __init__(self, embedding: Any) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = embedding.weight.shape
        weight, scale = _quantised(embedding.weight.detach())
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)

    def forward(self, codes: Tensor) -> Tensor:
        """Return the rows, shape (*codes.shape, width)."""
        return self.weight[codes].to(self.scale.dtype) * self.scale[codes][..., None]


class Int8Form:
    """How the parts of a network that were compressed stand in plain data, and are put back into a whole one."""

    @staticmethod
    def of(network: nn.Module) -> dict[str, list[str]]:
        """Return the names of layers of 8-bit integers, and of weights that are kept elsewhere."""
        kinds = (Int8Linear, Int8Embedding)
        return {
            "int8": [name for name, one in network.named_modules() if isinstance(one, kinds)],
            "elsewhere": [name for name, one in network.named_parameters() if one.device.type == "meta"],
        }

    @staticmethod
    def put_into(network: nn.Module, form: dict[str, list[str]]) -> None:
        """Make those layers, and leave those weights out, of a network of the same architecture."""
        for name in form["int8"]:
            parent, _, own = name.rpartition(".")
            layer = network.get_submodule(name)
            kind = Int8Embedding if isinstance(layer, nn.Embedding) else Int8Linear
            setattr(network.get_submodule(parent), own, kind(layer))
        for name in form["elsewhere"]:
            parent, _, own = name.rpartition(".")
            empty = nn.Parameter(torch.empty_like(network.get_parameter(name), device="meta"))
            setattr(network.get_submodule(parent), own, empty)


def with_int8(estimator: Any) -> Any:
    """Return an estimator whose linear layers and embeddings are of 8-bit integers."""
    other = copy.copy(estimator)
    other.network_ = copy.deepcopy(estimator.network_)
    replacements = {nn.Linear: Int8Linear, nn.Embedding: Int8Embedding}
    for module in list(other.network_.modules()):
        for name, child in list(module.named_children()):
            if type(child) in replacements:
                setattr(module, name, replacements[type(child)](child))
    return other


def _quantised(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return round(127 w / max |w|) of each row, int8, and the scale of each row."""
    largest = rows.abs().amax(dim=1)
    scale = torch.where(largest > 0, largest, torch.ones_like(largest)) / 127
    return (rows / scale[:, None]).round().to(torch.int8), scale


def torch_without_units(estimator: Any, amount: float) -> Any:
    """Return a `torch_mlp` with fewer units in each hidden layer."""
    other = copy.copy(estimator)
    other.network_ = network = copy.deepcopy(estimator.network_)
    modules = [*network.body, network.head]
    places = [at for at, module in enumerate(modules) if isinstance(module, nn.Linear)]
    for at, after in pairwise(places):
        kept = _kept(modules[at], modules[after], amount)
        _keep_outputs(modules[at], kept)
        for module in modules[at + 1 : after]:
            if isinstance(module, nn.BatchNorm1d):
                _keep_channels(module, kept)
        modules[after].weight = nn.Parameter(modules[after].weight.detach()[:, kept].clone())
        modules[after].in_features = len(kept)
    other.hidden_layer_sizes = tuple(modules[at].out_features for at in places[:-1])
    network.width = network.head.in_features
    return other


def _kept(layer: Any, after: Any, amount: float) -> Tensor:
    into = layer.weight.detach().double().norm(dim=1).numpy()
    out = after.weight.detach().double().norm(dim=0).numpy()
    return torch.as_tensor(units_kept(into, out, amount))


def _keep_outputs(layer: Any, kept: Tensor) -> None:
    layer.weight = nn.Parameter(layer.weight.detach()[kept].clone())
    layer.bias = nn.Parameter(layer.bias.detach()[kept].clone())
    layer.out_features = len(kept)


def _keep_channels(layer: Any, kept: Tensor) -> None:
    for name in ("weight", "bias"):
        setattr(layer, name, nn.Parameter(getattr(layer, name).detach()[kept].clone()))
    for name in ("running_mean", "running_var"):
        setattr(layer, name, getattr(layer, name)[kept].clone())
    layer.num_features = len(kept)


def split(estimator: Any) -> tuple[Any, dict[str, Array], set[str]]:
    """Return an estimator without weights, its weights by name, and the names of those of linear layers."""
    network = estimator.network_
    weights = {name: one.detach().cpu().numpy() for name, one in network.named_parameters()}
    linear = {
        f"{name}.weight" if name else "weight"
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear)
    }
    # Copied with nothing in the place of each weight; buffers, such as running statistics, are copied as they are.
    memo = {id(one): nn.Parameter(torch.empty_like(one, device="meta")) for one in network.parameters()}
    other = copy.copy(estimator)
    other.network_ = copy.deepcopy(network, memo)  # type: ignore[arg-type]  # a memo by id, as copy documents it
    return other, weights, linear & weights.keys()


def with_weights(estimator: Any, weights: dict[str, Array]) -> Any:
    """Return an estimator with the weights that `split` took."""
    other = copy.copy(estimator)
    other.network_ = copy.deepcopy(estimator.network_)
    tensors = {name: torch.as_tensor(np.ascontiguousarray(one)) for name, one in weights.items()}
    other.network_.load_state_dict(tensors, strict=False, assign=True)
    other.network_.eval()
    return other
