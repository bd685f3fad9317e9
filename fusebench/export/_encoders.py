"""Encoders as ONNX nodes: from the columns of a table to the matrix that a member sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fusebench.encoders._in_place import _InPlace
from fusebench.encoders._stacked import _Stacked
from fusebench.encoders.none import NoEncoder
from fusebench.encoders.ordinal_imputed import OrdinalImputed
from fusebench.encoders.target import Target
from fusebench.errors import ModelError
from fusebench.export._graph import Graph
from fusebench.fusions._meta_features import RawFeatures

ABLE = "those that have are linear, nonnegative, onehot, ordinal, ordinal_imputed, native and none"
UNKNOWN, MISSING = -2, -1


@dataclass(frozen=True)
class Table:
    """The columns of a table in a graph.

    Parameters
    ----------
    graph : Graph
    names : list of str
        The columns in the order of training.
    number, text : callable
        Return the column at a position: numbers of shape (n_samples, 1), or categories of shape (n_samples,).
    plain : str
        The matrix of all columns where all are numbers, else empty.
    """

    graph: Graph
    names: list[str]
    number: Callable[[int], str]
    text: Callable[[int], str]
    plain: str

    def numbers(self, positions: Sequence[int]) -> str:
        """Return columns of numbers side by side."""
        if self.plain:
            everything = list(positions) == list(range(len(self.names)))
            return self.plain if everything else self.graph.take(self.plain, positions)
        return self.graph.hstack([self.number(position) for position in positions])


def encoded(encoder: Any, table: Table) -> str:
    """Return the encoded matrix, shape (n_samples, n_features), of doubles.

    Raises
    ------
    ModelError
        If this encoder, or a kind of column that it sees, has no ONNX form.
    """
    if isinstance(encoder, RawFeatures):
        return table.numbers(range(len(table.names)))
    name = type(encoder).__name__
    columns = getattr(encoder, "columns_", None)
    if columns is None or not isinstance(encoder, (_Stacked, _InPlace, NoEncoder)) or isinstance(encoder, Target):
        raise ModelError(f"the encoder {name} has no ONNX form; {ABLE}")
    if columns.dates or columns.text:
        kind, found = ("dates", columns.dates) if columns.dates else ("text", columns.text)
        raise ModelError(f"the column '{columns.names[found[0]]}' of {kind} has no ONNX form; leave it out with drop:")
    if [str(one) for one in columns.names] != table.names:
        raise ModelError(f"the encoder {name} was fitted on other columns than the model")
    if isinstance(encoder, _Stacked):
        return _stacked(encoder, table)
    if isinstance(encoder, NoEncoder):
        return table.numbers(range(len(table.names)))
    return _in_place(encoder, table)


def _stacked(encoder: Any, table: Table) -> str:
    columns, parts = encoder.columns_, []
    if columns.numbers:
        parts.append(_scaled(encoder.numbers_, table.numbers(columns.numbers), table.graph))
    if columns.categories:
        if encoder.categories_.is_sparse:
            raise ModelError(
                f"{encoder.categories_.n_columns:,} columns of categories have no ONNX form; encode: ordinal"
            )
        for position, categories in zip(columns.categories, encoder.categories_.categories, strict=True):
            if len(categories):
                codes = _codes(categories, table, position, missing=categories.most_frequent)
                parts.append(table.graph.one_hot(codes, len(categories)))
    return table.graph.hstack(parts)


def _in_place(encoder: Any, table: Table) -> str:
    graph, columns = table.graph, encoder.columns_
    if not columns.categories:
        matrix = table.numbers(range(len(columns.names)))
    else:
        parts = []
        for position in range(len(columns.names)):
            if position not in encoder.values_:
                parts.append(table.number(position))
                continue
            codes = graph.op("Unsqueeze", _codes(encoder.values_[position], table, position, missing=MISSING),
                             graph.const([1], np.int64))  # fmt: skip
            absent = graph.op("Less", codes, graph.const(0, np.int64))
            stand_in = graph.const(float(encoder.absent))
            parts.append(graph.op("Where", absent, stand_in, graph.cast(codes, "double")))
        matrix = graph.hstack(parts)
    return _scaled(encoder.numbers_, matrix, graph) if isinstance(encoder, OrdinalImputed) else matrix


def _codes(categories: Any, table: Table, position: int, *, missing: int) -> str:
    """Return the code of each row; an empty text is a missing value, unless training held it."""
    values = categories.values
    if not all(isinstance(one, str) for one in values):
        raise ModelError(f"the categories of the column '{table.names[position]}' are no text, they have no ONNX form")
    keys, codes = list(values), list(range(len(values)))
    if "" not in keys:
        keys, codes = [*keys, ""], [*codes, missing]
    return table.graph.lookup(table.text(position), keys, codes, UNKNOWN)


def _scaled(block: Any, matrix: str, graph: Graph) -> str:
    """Return numbers filled in and scaled as by a `NumberBlock`, in its own arithmetic."""
    medians = graph.const(np.asarray(block.medians, dtype=np.float64)[None, :])
    filled = graph.op("Where", graph.op("IsNaN", matrix), medians, matrix)
    if block.scaling == "none":
        return filled
    shift, scale = graph.const(np.atleast_2d(block.shift)), graph.const(np.atleast_2d(block.scale))
    if block.scaling == "standard":
        return graph.op("Div", graph.op("Sub", filled, shift), scale)
    moved = graph.op("Add", graph.op("Mul", filled, scale), shift)
    return graph.op("Clip", moved, graph.const(0.0), graph.const(1.0))
