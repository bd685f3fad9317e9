"""Save a fitted model without pickle, and load what can be trusted.

A model file is a skops file (a zip of JSON and plain arrays) with one more member, ``fusebench.json``: who made it, of
which data. Loading makes objects of the types on an allow-list and calls nothing that the file names.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from pickle import PickleError
from typing import TYPE_CHECKING, Any

from fusebench.engine.environment import environment
from fusebench.errors import ModelError
from fusebench.estimators._trusted import check_content, untrusted
from fusebench.io import read_bytes as bytes_of
from fusebench.io import storage_errors, write_durably

if TYPE_CHECKING:
    from fusebench.estimators.fused import FusedClassifier, FusedRegressor

SCHEMA_VERSION = 1
FACTS = "fusebench.json"
LIKELY_BOMB = 200  # times: model files shrink ten- to thirtyfold
SMALL, LARGEST = 1 << 26, 1 << 33  # bytes unpacked: never refused below, always above
LIBRARIES = ("scikit-learn", "numpy", "xgboost", "lightgbm")


@dataclass(frozen=True)
class SavedModel:
    """A loaded model file.

    Parameters
    ----------
    model : FusedClassifier or FusedRegressor
        Fitted.
    facts : mapping
        What was noted when it was saved: ``versions``, and what the caller added.
    notes : tuple of str
        What a reader should know: libraries of other versions.
    """

    model: Any
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def save(model: Any, path: str | Path, *, facts: Mapping[str, Any] | None = None, trusted: Sequence[str] = ()) -> None:
    """Write a fitted model to a file.

    Parameters
    ----------
    model : FusedClassifier or FusedRegressor
        Fitted.
    path : str or Path
        Usually ends in ``.skops``.
    facts : mapping, optional
        Plain data to keep with it.
    trusted : sequence of str, optional
        Types beyond the allow-list, by dotted path; whoever loads the file must name them too.

    Raises
    ------
    ModelError
        If it holds something that has no safe form; nothing is written.
    StorageError
        If the file cannot be written.
    """
    write_durably(Path(path), [dumps(model, facts=facts, trusted=trusted)])


def dumps(model: Any, *, facts: Mapping[str, Any] | None = None, trusted: Sequence[str] = ()) -> bytes:
    """Return the bytes of a model file; see `save`."""
    import skops.io
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(model)
    try:
        data = skops.io.dumps(model, compression=zipfile.ZIP_DEFLATED)
        names = skops.io.get_untrusted_types(data=data)
    except (TypeError, ValueError, RuntimeError, AttributeError, PickleError) as error:
        raise ModelError(f"the model has no safe form on disk; a network on a GPU, say, has none: {error}") from error
    if odd := untrusted(names, trusted):
        raise ModelError(f"the model holds types that are not on the allow-list: {', '.join(odd)} (trusted adds some)")
    versions = environment()["versions"]
    noted = {"format": "fusebench-model", "schema_version": SCHEMA_VERSION, "versions": versions, **(facts or {})}
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FACTS, json.dumps(noted, indent=1, allow_nan=False))
    return buffer.getvalue()


def load(path: str | Path, *, trusted: Sequence[str] = ()) -> FusedClassifier | FusedRegressor:
    """Return the fitted estimator in a model file; see `read`, which tells about the file too."""
    found: FusedClassifier | FusedRegressor = read(path, trusted=trusted).model
    return found


def read(path: str | Path, *, trusted: Sequence[str] = ()) -> SavedModel:
    """Read a model file; nothing that it names is run.

    Parameters
    ----------
    path : str or Path
    trusted : sequence of str, optional
        Types beyond the allow-list that you trust, by dotted path.

    Raises
    ------
    ModelError
        If it is no model file, is cut off, holds types that are not trusted (and says which), or numbers that no fit
        makes.
    StorageError
        If it cannot be read.
    """
    with storage_errors(Path(path)):
        data = bytes_of(Path(path))
    return read_bytes(data, str(path), trusted=trusted)


def read_bytes(data: bytes, path: str, *, trusted: Sequence[str] = ()) -> SavedModel:
    """Return the model in the bytes of a file; `path` is what messages call it. See `read`."""
    facts = _facts(data, path)
    other = _other_versions(facts)
    return SavedModel(_model(data, path, trusted, other), facts, tuple(other))


def _facts(data: bytes, path: str) -> Mapping[str, Any]:
    """Return what was noted in a file whose sizes are sane."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        pickled = data[:1] == b"\x80" or data[:2] in {b"c\x00", b"(l", b"cp"}
        kind = "it looks like a pickle, which could run anything" if pickled else "no zip file, or cut off"
        raise ModelError(f"{path}: not a model of fusebench ({kind}); it was not loaded")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
            if unpacked > LARGEST or unpacked > max(SMALL, LIKELY_BOMB * len(data)):
                raise ModelError(
                    f"{path}: {len(data):,} bytes would unpack to {unpacked:,}, as a zip bomb does; it was not loaded"
                )
            facts = json.loads(archive.read(FACTS))
            found = facts["format"], facts["schema_version"]
    except KeyError as error:
        raise ModelError(f"{path}: not a model of fusebench ({FACTS} is missing or incomplete)") from error
    except (zipfile.BadZipFile, ValueError, TypeError, RecursionError, EOFError, NotImplementedError) as error:
        raise ModelError(f"{path}: the file is damaged ({error}); it was not loaded") from error
    if found[0] != "fusebench-model" or not isinstance(found[1], int) or found[1] > SCHEMA_VERSION:
        raise ModelError(f"{path}: written by a newer fusebench (schema {found[1]!r}, this one reads {SCHEMA_VERSION})")
    return dict(facts)


def _model(data: bytes, path: str, trusted: Sequence[str], other_versions: list[str]) -> Any:
    import skops.io

    from fusebench.estimators.fused import FusedClassifier, FusedRegressor

    hint = f"; {other_versions[0]}" if other_versions else ""
    with _damage(path, hint):
        names = skops.io.get_untrusted_types(data=data)
    if odd := untrusted(names, trusted):
        several = "types" if len(odd) > 1 else "the type"
        raise ModelError(
            f"{path}: not loaded, it holds {several} {', '.join(odd)}, which fusebench does not trust; "
            f"if you trust who made the file: --trust {','.join(odd)}"
        )
    with _damage(path, hint):
        model = skops.io.loads(data, trusted=names)
    if not isinstance(model, (FusedClassifier, FusedRegressor)):
        raise ModelError(f"{path}: holds a {type(model).__name__}, expected a FusedClassifier or FusedRegressor")
    with _damage(path, hint):
        check_content(model, path)
    return model


@contextmanager
def _damage(path: str, hint: str) -> Iterator[None]:
    """Say that a file is damaged: one that was changed can make every class of the allow-list fail in its own way."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"{path}: the file is damaged ({type(error).__name__}: {error}){hint}") from error


def _other_versions(facts: Mapping[str, Any]) -> list[str]:
    here = environment()["versions"]
    then = facts.get("versions")
    if not isinstance(then, Mapping):
        return []
    return [
        f"saved with {name} {then[name]}, this is {here[name]}: predictions may differ"
        for name in LIBRARIES
        if name in then and name in here and then[name] != here[name]
    ]
