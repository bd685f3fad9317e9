"""Write a fitted model, once a copy that was read back predicts the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from fusebench import io
from fusebench.errors import ModelError, StorageError, UsageError
from fusebench.estimators import saved

if TYPE_CHECKING:
    from fusebench.deploy.fitting import Winner

N_CHECKED = 100  # rows whose predictions must be the same after saving
N_VERIFIED = 10_000  # rows, evenly spaced, on which an exported model is set beside the original
Form = Literal["skops", "onnx"]
FORMS: dict[str, Form] = {".skops": "skops", ".onnx": "onnx"}


def check_output(path: Path) -> None:
    """Raise StorageError where a file could not be written, before anything is fitted."""
    if path.is_dir():
        raise StorageError(f"{path}: is a folder, expected the name of a file")
    io.ensure_writable(path.parent)


def form_of(path: Path) -> Form:
    """Return the kind of model file that a name asks for.

    Raises
    ------
    UsageError
        If it ends in something else.
    """
    found = FORMS.get(path.suffix.lower())
    if found is None:
        raise UsageError(f"--output {path}: expected a name that ends in {' or '.join(FORMS)}")
    return found


def save(winner: Winner, path: Path, *, trusted: Sequence[str] = ()) -> int:
    """Write a model, once a copy read back predicts the same; return its bytes.

    The very same for a ``.skops`` file; for an ``.onnx`` file see `fusebench.export.save`.

    Raises
    ------
    ModelError
        If it has no such form, or the copy predicts otherwise; nothing is written.
    """
    if form_of(path) == "onnx":
        from fusebench import export

        step = -(-len(winner.rows) // N_VERIFIED)
        return export.save(winner.model, path, winner.rows.iloc[::step], facts=winner.facts)
    sample = winner.rows.iloc[:N_CHECKED]
    data = saved.dumps(winner.model, facts=winner.facts, trusted=trusted)
    copy = saved.read_bytes(data, str(path), trusted=trusted).model
    if not np.array_equal(copy.predict(sample), winner.model.predict(sample)):
        raise ModelError(f"{path}: a copy that was read back predicts otherwise; nothing was written")
    io.write_durably(path, [data])
    return len(data)
