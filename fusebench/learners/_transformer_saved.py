"""The network of `transformer` as plain data, and back; imported when a model file is written or read."""

from __future__ import annotations

import json
from typing import Any, cast

import torch

from fusebench.compressions._torch import Int8Form
from fusebench.errors import FitError
from fusebench.learners._torch_net import load_state, state_of
from fusebench.learners._transformer_net import TextNetwork

SMALL = 1 << 16  # weights that no 8-bit form has
LARGEST = 1 << 31


def described(network: TextNetwork) -> dict[str, Any] | None:
    """Return configuration, tokenizer and weights as plain data; None where the tokenizer has no such form."""
    kinds = {(one.device.type, one.dtype) for one in network.state_dict().values()}
    plain = {("cpu", torch.float32), ("cpu", torch.int64), ("cpu", torch.int8), ("meta", torch.float32)}
    backend = getattr(network.tokenizer, "backend_tokenizer", None)
    if not kinds <= plain or backend is None:
        return None
    config = json.loads(cast("Any", network.body).config.to_json_string(use_diff=False))
    return {
        "config": json.dumps(config),
        "tokenizer": backend.to_str(),
        "padding": network.tokenizer.pad_token,
        "sides": [network.tokenizer.padding_side, network.tokenizer.truncation_side],
        "pooling": network.pooling,
        "max_length": network.max_length,
        "n_outputs": network.head.out_features,
        "weights": state_of(network),
        **Int8Form.of(network),
    }


def _architecture(config: Any) -> Any:
    """Return what a configuration says of the architecture: not which code runs it, which a file must not choose.

    ``auto_map`` names code of the model's own, ``attn_implementation`` and its like may name kernels of a hub.
    """
    if isinstance(config, list):
        return [_architecture(one) for one in config]
    if not isinstance(config, dict):
        return config
    odd = {"auto_map", "quantization_config"}
    kept = ((name, one) for name, one in config.items() if name not in odd and "_implementation" not in name)
    return {name: _architecture(one) for name, one in kept}


def _check_size(config: Any, found: dict[str, Any]) -> None:
    """Raise FitError, before any memory is taken, where a model is much larger than the weights in the file."""
    from transformers import AutoModel

    with torch.device("meta"):
        shapes = AutoModel.from_config(config, trust_remote_code=False).state_dict()
    elsewhere = {name.removeprefix("body.") for name in found["elsewhere"]}
    wanted = sum(one.numel() for name, one in shapes.items() if name not in elsewhere)
    given = sum(one.size for one in found["weights"].values())
    if wanted > 2 * given + SMALL or sum(one.numel() for one in shapes.values()) > LARGEST:
        raise FitError("weights of another architecture: the model would be much larger than they are")


def restored(found: dict[str, Any]) -> TextNetwork:
    """Return the network that `described` gave; runs no code but that of transformers.

    Raises
    ------
    FitError
        If the weights do not fit the architecture.
    """
    from tokenizers import Tokenizer
    from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

    told = _architecture(json.loads(found["config"]))
    kind = told.pop("model_type", None)
    try:
        config = AutoConfig.for_model(kind, **told)
        with torch.random.fork_rng(devices=[]):  # what draws the first weights must not move others' seeds
            _check_size(config, found)
            body = AutoModel.from_config(config, trust_remote_code=False)
            tokenizer = PreTrainedTokenizerFast(
                tokenizer_object=Tokenizer.from_str(found["tokenizer"]), pad_token=found["padding"],
                padding_side=found["sides"][0], truncation_side=found["sides"][1],
            )  # fmt: skip
            network = TextNetwork(
                body, tokenizer, pooling=found["pooling"], max_length=found["max_length"], n_outputs=found["n_outputs"]
            )
    except (ValueError, KeyError, RuntimeError, OSError) as error:
        raise FitError(f"a language model of type {kind!r} cannot be made again: {error}") from error
    Int8Form.put_into(network, {name: found[name] for name in ("int8", "elsewhere")})
    load_state(network, found["weights"])
    network.eval()
    return network
