"""An ONNX graph that grows node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPSETS = {"": 18, "ai.onnx.ml": 5}  # 5: trees whose nodes and leaves are doubles, and sets of categories
IR_VERSION = 10
INTERNAL = "fusebench/"  # no column is expected to be called so


class Graph:
    """Nodes and constants; every method that adds some returns the name of what comes out.

    A name that was given to the same constant or the same node once is given again: what several members need, the
    standardised columns say, is computed once.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.inputs: list[Any] = []
        self.domains: dict[str, int] = dict(OPSETS)
        self._known: dict[Any, str] = {}
        self._count = 0

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output."""
        from onnx import helper

        node = helper.make_node(kind, inputs, ["?"], domain=domain, **attributes)
        key = (kind, inputs, domain, node.SerializeToString())
        if key not in self._known:
            name = self._known[key] = self._name(kind)
            node.output[0] = name
            self.nodes.append(node)
        return self._known[key]

    def several(self, kind: str, n_outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with several outputs."""
        from onnx import helper

        names = [self._name(kind) for _ in range(n_outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names

    def const(self, value: Any, dtype: Any = None) -> str:
        """Add a constant; text becomes a tensor of strings."""
        from onnx import TensorProto, helper, numpy_helper

        array = np.asarray(value) if dtype is None else np.asarray(value, dtype=dtype)
        text = array.dtype.kind in "UO"
        key = (array.shape, array.dtype.str, tuple(array.ravel()) if text else array.tobytes())
        if key not in self._known:
            name = self._known[key] = self._name("const")
            if text:
                encoded: Any = [str(one).encode() for one in array.ravel()]
                self.initializers.append(helper.make_tensor(name, TensorProto.STRING, array.shape, encoded))
            else:
                self.initializers.append(numpy_helper.from_array(array, name))
        return self._known[key]

    def add_input(self, name: str, kind: int, width: int) -> str:
        """Declare an input of shape (n_samples, width)."""
        from onnx import helper

        self.inputs.append(helper.make_tensor_value_info(name, kind, ["n_samples", width]))
        return name

    def cast(self, name: str, kind: str) -> str:
        """Convert to ``double``, ``float``, ``int64`` or ``bool``."""
        from onnx import TensorProto

        return self.op("Cast", name, to=getattr(TensorProto, kind.upper()))

    def take(self, name: str, columns: Sequence[int]) -> str:
        """Return some columns of a matrix, shape (n_samples, n_columns)."""
        return self.op("Gather", name, self.const(list(columns), np.int64), axis=1)

    def column(self, name: str, at: int) -> str:
        """Return one column of a matrix, shape (n_samples,)."""
        return self.op("Gather", name, self.const(at, np.int64), axis=1)

    def flat(self, name: str) -> str:
        """Return a column, shape (n_samples, 1), as a vector."""
        return self.op("Reshape", name, self.const([-1], np.int64))

    def hstack(self, names: Sequence[str]) -> str:
        """Return matrices side by side."""
        return names[0] if len(names) == 1 else self.op("Concat", *names, axis=1)

    def total(self, name: str, axis: int = 1, *, keep: bool = True) -> str:
        """Return sums along an axis."""
        return self.op("ReduceSum", name, self.const([axis], np.int64), keepdims=int(keep))

    def argmax(self, name: str) -> str:
        """Return the position of the largest of each row, the first of equals, shape (n_samples,)."""
        return self.op("ArgMax", name, axis=1, keepdims=0)

    def lookup(self, name: str, keys: Sequence[str], values: Sequence[int], default: int) -> str:
        """Return the whole number of each text."""
        return self.op(
            "LabelEncoder",
            name,
            domain="ai.onnx.ml",
            keys_strings=list(keys),
            values_int64s=list(values),
            default_int64=default,
        )

    def one_hot(self, codes: str, n_codes: int) -> str:
        """Return indicators of codes, shape (n_samples, n_codes); none where a code is no position."""
        wide = self.op("Unsqueeze", codes, self.const([1], np.int64))
        return self.cast(self.op("Equal", wide, self.const(np.arange(n_codes)[None, :], np.int64)), "double")

    def expanded_like(self, values: NDArray[Any], rows: str) -> str:
        """Return one row of values for each row of a matrix."""
        count = self.op("Shape", rows, start=0, end=1)
        width = self.const([len(values)], np.int64)
        return self.op("Expand", self.const(values[None, :]), self.op("Concat", count, width, axis=0))

    def attach(self, model: Any, feed: str) -> list[str]:
        """Add the nodes of a model of one input, and return the names of its outputs."""
        self._count += 1
        prefix = f"{INTERNAL}{self._count}/"
        own = {model.graph.input[0].name: feed}

        def renamed(name: str) -> str:
            return own.setdefault(name, prefix + name) if name else ""

        for tensor in model.graph.initializer:
            tensor.name = renamed(tensor.name)
            self.initializers.append(tensor)
        for node in model.graph.node:
            node.name = ""
            node.input[:] = [renamed(one) for one in node.input]
            node.output[:] = [renamed(one) for one in node.output]
            self.nodes.append(node)
        for one in model.opset_import:
            self.domains.setdefault(one.domain, one.version)
        return [renamed(one.name) for one in model.graph.output]

    def model(self, outputs: dict[str, tuple[str, int, list[Any]]], notes: dict[str, str]) -> Any:
        """Return the model; `outputs` maps names to what comes out there, its type and its shape."""
        from onnx import checker, helper

        declared = []
        for name, (source, kind, shape) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [source], [name]))
            declared.append(helper.make_tensor_value_info(name, kind, shape))
        graph = helper.make_graph(self.nodes, "fusebench", self.inputs, declared, self.initializers)
        opsets = [helper.make_opsetid(domain, version) for domain, version in self.domains.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="fusebench")
        helper.set_model_props(model, notes)
        checker.check_model(model)
        return model

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{INTERNAL}{kind}{self._count}"
