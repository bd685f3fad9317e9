"""An exported file, read back: ONNX Runtime answers, and the columns of its rows are checked as ever."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusebench.engine.columns import Column, Form
from fusebench.errors import MissingExtraError, ModelError
from fusebench.export.onnx import inputs_of, session_of
from fusebench.io import read_bytes, storage_errors

if TYPE_CHECKING:
    import pandas as pd

KINDS = frozenset({"number", "boolean", "category"})


@dataclass(frozen=True)
class Exported:
    """A model in an ONNX file.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    columns : tuple of Column
        Of the rows that it was fitted on.
    facts : mapping
        What was noted when it was exported.
    path : str
        What messages call it.
    """

    session: Any
    columns: tuple[Column, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""

    @property
    def form(self) -> Form:
        """The form of the rows that it takes."""
        return Form(self.columns)

    def answer(self, rows: pd.DataFrame) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Return labels and probabilities, or values and None, of rows in form.

        Raises
        ------
        ModelError
            If the graph cannot be run on them, or answers another number of rows.
        """
        try:
            said = [np.asarray(one) for one in self.session.run(None, inputs_of(self.columns, rows))]
        except Exception as error:
            raise ModelError(f"{self.path}: ONNX Runtime cannot run it ({_brief(error)})") from error
        shapes = [one.shape for one in said]
        classes = self.facts.get("classes") or ()
        if len(said) not in {1, 2} or any(len(one) != len(rows) for one in said) or len(shapes[0]) != 1:
            raise ModelError(f"{self.path}: not a graph of fusebench, its outputs have the shapes {shapes}")
        if len(said) == 2 and (len(shapes[1]) != 2 or (classes and shapes[1][1] != len(classes))):
            raise ModelError(
                f"{self.path}: its probabilities have the shape {shapes[1]}, expected {len(classes)} columns"
            )
        return said[0], said[1] if len(said) == 2 else None


def read(path: str | Path) -> Exported:
    """Read an ONNX file that fusebench exported.

    Raises
    ------
    MissingExtraError
        If ONNX Runtime is not installed.
    ModelError
        If it is no such file, or a damaged one.
    StorageError
        If it cannot be read.
    """
    if find_spec("onnxruntime") is None:
        raise MissingExtraError("predicting with an ONNX model", "onnx")
    with storage_errors(Path(path)):
        data = read_bytes(Path(path))
    try:
        session = session_of(data)
        noted = session.get_modelmeta().custom_metadata_map.get("fusebench")
    except Exception as error:
        raise ModelError(f"{path}: not an ONNX model, or damaged ({_brief(error)}); it was not loaded") from error
    if noted is None:
        raise ModelError(f"{path}: an ONNX model that fusebench did not export: it says nothing of its columns")
    try:
        facts = json.loads(noted)
        columns = _columns(facts["columns"], {one.name for one in session.get_inputs()})
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(f"{path}: what it says of its columns is damaged ({_brief(error)})") from error
    return Exported(session, columns, facts, str(path))


def _columns(told: Sequence[Any], inputs: set[str]) -> tuple[Column, ...]:
    columns = tuple(_column(one) for one in told)
    names = [column.name for column in columns]
    if inputs != ({"X"} if all(column.kind != "category" for column in columns) else set(names)):
        raise ValueError("its inputs are other columns")
    if len(set(names)) < len(names):
        raise ValueError("two columns have one name")
    return columns


def _column(told: Sequence[Any]) -> Column:
    name, kind, values = told
    if not isinstance(name, str) or kind not in KINDS or not all(isinstance(one, str) for one in values):
        raise ValueError(f"no column: {str(told)[:60]}")
    return Column(name, kind, list(values))


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[-200:]
