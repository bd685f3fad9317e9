"""ONNX: a fitted fusion as one graph, from the columns of a table to labels and probabilities."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from fusebench import io
from fusebench.engine.columns import Column
from fusebench.errors import MissingExtraError, ModelError
from fusebench.export import _encoders, _fusions
from fusebench.export._encoders import Table
from fusebench.export._fusions import Members, fused, mean_answer
from fusebench.export._graph import Graph
from fusebench.export._learners import Answer, learner

if TYPE_CHECKING:
    import pandas as pd

    from fusebench.estimators.fused import FusedClassifier, FusedRegressor
    from fusebench.fusions.base import Fusion

TOLERANCE = 1e-5
NEEDS = ("onnx", "onnxruntime", "skl2onnx")
LIBRARIES = frozenset({"sklearn", "xgboost", "lightgbm"})


def require() -> None:
    """Raise MissingExtraError where the libraries are not installed."""
    if any(find_spec(name) is None for name in NEEDS):
        raise MissingExtraError("ONNX export", "onnx")


def unable(kind: type[Fusion]) -> str:
    """Return why a strategy can never be exported; empty where it can, as far as its type tells."""
    if fused.dispatch(kind) is not fused.dispatch(object):
        return ""
    return f"the fusion '{kind.__module__.rpartition('.')[2]}' has no ONNX form; {_fusions.ABLE}"


def save(
    model: FusedClassifier | FusedRegressor, path: str | Path, X: Any, *, facts: Mapping[str, Any] | None = None
) -> int:
    """Write a fitted fusion as an ONNX file, once it is proved to predict the same; return its bytes.

    Parameters
    ----------
    model : FusedClassifier or FusedRegressor
        Fitted.
    path : str or Path
        Usually ends in ``.onnx``.
    X : frame or array of shape (n_samples, n_features)
        Rows to prove it on, such as the training rows; all of them are used.
    facts : mapping, optional
        Plain data to keep in the file's metadata.

    Raises
    ------
    ModelError
        If a member, an encoder or the fusion has no ONNX form, or what was made predicts otherwise; nothing is written.
    MissingExtraError
        If the extra ``onnx`` is not installed.
    StorageError
        If the file cannot be written.

    Notes
    -----
    Labels must be equal, probabilities within 1e-5, values within 1e-5 of their size (at least 1). Costs two
    predictions of `X`.
    """
    check_is_fitted(model)
    frame = model._frame(X)
    data = dumps(model, facts=facts)
    verify(model, data, frame)
    io.write_durably(Path(path), [data])
    return len(data)


def dumps(model: FusedClassifier | FusedRegressor, *, facts: Mapping[str, Any] | None = None) -> bytes:
    """Return the bytes of a model's graph, not verified yet; see `save`.

    Notes
    -----
    Where all columns are numbers there is one input, ``X``, of shape (n_samples, n_features); otherwise one input of
    shape (n_samples, 1) per column, with its name. Numbers are doubles, missing ones NaN; categories are text, missing
    ones empty. Outputs: ``label`` and ``probabilities``, or ``value``.
    """
    require()
    return bytes(_Export(model).model(facts or {}).SerializeToString())


def verify(model: FusedClassifier | FusedRegressor, data: bytes, frame: pd.DataFrame) -> None:
    """Raise ModelError where a graph says something else than the original of some rows.

    Parameters
    ----------
    frame : DataFrame of shape (n_samples, n_features)
        In the form of the training rows.
    """
    own = model._answer_rows(frame)
    try:
        outputs = session_of(data).run(None, feeds(model, frame))
    except Exception as error:
        raise ModelError(f"the ONNX model cannot be run ({' '.join(str(error).split())[-300:]})") from error
    if own.proba is None:
        difference = np.abs(outputs[0] - own.labels) / np.maximum(1.0, np.abs(own.labels))
        what = "values relative to their size"
    else:
        wrong = int((outputs[0] != _as_output(model.classes_)[own.labels]).sum())
        if wrong:
            raise ModelError(
                f"the ONNX model gives another label to {wrong:,} of {len(frame):,} rows; nothing was written"
            )
        difference, what = np.abs(outputs[1] - own.proba), "probabilities"
    largest = float(difference.max(initial=0.0))
    if not largest <= TOLERANCE:
        raise ModelError(
            f"the {what} of the ONNX model differ by up to {largest:.3g}, allowed is {TOLERANCE:g}; nothing was written"
        )


def feeds(model: FusedClassifier | FusedRegressor, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return rows, in the form of the training rows, as the inputs of the model's graph."""
    return inputs_of(model.columns_, frame)


def inputs_of(columns: Sequence[Column], frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return rows, in the form of the training rows, as the inputs of a graph for these columns."""
    if _all_numbers(columns):
        return {"X": np.ascontiguousarray(frame.to_numpy(dtype=np.float64, na_value=np.nan))}
    found: dict[str, NDArray[Any]] = {}
    for column in columns:
        values = frame[column.name]
        if column.kind == "category":
            plain = values.astype(object)
            found[column.name] = np.array(plain.where(plain.notna(), "").astype(str).tolist(), dtype=object)[:, None]
        else:
            found[column.name] = values.to_numpy(dtype=np.float64, na_value=np.nan)[:, None]
    return found


def session_of(data: bytes) -> Any:
    """Return an ONNX Runtime session of a graph, on one processor thread, silent."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, sess_options=options, providers=["CPUExecutionProvider"])


def _all_numbers(columns: Sequence[Column]) -> bool:
    return all(column.kind in {"number", "boolean"} for column in columns)


def _as_output(classes: NDArray[Any]) -> NDArray[Any]:
    """Return labels as a type that ONNX has."""
    kind = classes.dtype.kind
    if kind in "iub":
        return classes.astype(np.int64)
    return classes.astype(np.float64) if kind == "f" else np.array([str(one) for one in classes], dtype=object)


class _Export:
    """One conversion: what each model says, by its name."""

    def __init__(self, model: FusedClassifier | FusedRegressor) -> None:
        self.model_ = model
        self.graph = Graph()
        self.blueprint, self.problem = model.resolved()
        self.table = self._table()
        self.answers: dict[str, Answer] = {}

    def model(self, facts: Mapping[str, Any]) -> Any:
        from onnx import TensorProto

        answer = self.answer(self.model_.model_.model)
        notes = {
            "fusebench": json.dumps(
                {
                    "classes": list(self.model_.labels_),
                    **facts,
                    "columns": [list(column) for column in self.model_.columns_],
                },
                default=str,
            )
        }
        taken = set(self.table.names)
        rows = ["n_samples"]
        if not self.problem.is_classification:
            return self.graph.model({_free("value", taken): (answer.labels, TensorProto.DOUBLE, rows)}, notes)
        classes = _as_output(self.model_.classes_)
        kinds = {"i": TensorProto.INT64, "f": TensorProto.DOUBLE, "O": TensorProto.STRING}
        labels = self.graph.op("Gather", self.graph.const(classes), answer.labels, axis=0)
        outputs: dict[str, tuple[str, int, list[Any]]] = {
            _free("label", taken): (labels, kinds[classes.dtype.kind], rows),
            _free("probabilities", taken): (answer.proba, TensorProto.DOUBLE, [*rows, len(classes)]),
        }
        return self.graph.model(outputs, notes)

    def answer(self, name: str) -> Answer:
        """Return what a learner or a fusion of the model says."""
        if name not in self.answers:
            behind = self.model_.model_
            try:
                found = self._learner(name) if name in behind.learners else self._fusion(name)
            except ModelError as error:
                raise ModelError(str(error) if str(error).startswith("'") else f"'{name}': {error}") from error
            self.answers[name] = found
        return self.answers[name]

    def _learner(self, name: str) -> Answer:
        several = []
        for one in self.model_.model_.learners[name]:
            matrix = _encoders.encoded(one.encoder, self.table)
            several.append(learner(self.graph, one.fitted, matrix, self._width(one.encoder)))
        return mean_answer(self.graph, several)

    def _fusion(self, name: str) -> Answer:
        members = self.blueprint.members_on(name, self.problem)
        n_classes = self.problem.n_classes if self.problem.is_classification else 0
        behind = Members(self.graph, members, lambda at: self.answer(members[at]), n_classes, self.table, self._width)
        return fused(self.model_.model_.fusions[name], behind)

    def _width(self, encoder: Any) -> int:
        """Return how many columns an encoder makes."""
        return int(encoder.transform(_one_row(self.model_)).shape[1])

    def _table(self) -> Table:
        from onnx import TensorProto

        columns, graph = self.model_.columns_, self.graph
        names = [column.name for column in columns]
        odd = next((column for column in columns if column.kind not in {"number", "boolean", "category"}), None)
        if odd is not None:
            raise ModelError(f"the column '{odd.name}' ({odd.kind}) has no ONNX form; numbers and categories have")
        if _all_numbers(columns):
            matrix = graph.add_input("X", TensorProto.DOUBLE, len(names))
            return Table(graph, names, lambda at: graph.take(matrix, [at]), _no_text, matrix)
        for column in columns:
            kind = TensorProto.STRING if column.kind == "category" else TensorProto.DOUBLE
            graph.add_input(column.name, kind, 1)
        return Table(graph, names, lambda at: names[at], lambda at: graph.flat(names[at]), "")


def _one_row(model: Any) -> pd.DataFrame:
    """Return a row of zeros and missing categories."""
    import pandas as pd

    from fusebench.engine.columns import Form

    plain = {column.name: [None] if column.kind == "category" else [0.0] for column in model.columns_}
    return Form(model.columns_).conform(pd.DataFrame(plain), "")[0]


def _no_text(_: int) -> str:
    raise ModelError("a column of numbers is no category")


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
