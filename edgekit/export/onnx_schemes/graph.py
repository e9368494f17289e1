"""An ONNX graph in which one weight after another gets another storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir

MICROSOFT = "com.microsoft"


@dataclass(frozen=True, slots=True)
class Product:
    """A MatMul or Gemm with a constant on its right: `output = input · weight + bias`."""

    node: ir.Node
    end: ir.Node  # whose output it is: the node, or the Add of its bias
    name: str  # of the weight
    input: ir.Value
    weight: np.ndarray  # float32 [K, N], whichever way it is stored
    bias: ir.Value | None  # a constant [N]


def is_product(node: ir.Node) -> bool:
    """Whether a node is a plain product: a MatMul, or a Gemm that scales nothing."""
    told = node.attributes
    plain = (told.get_float("alpha", 1.0), told.get_float("beta", 1.0)) == (1.0, 1.0)
    return node.op_type == "MatMul" or (node.op_type == "Gemm" and plain and not told.get_int("transA", 0))


def is_turned(node: ir.Node) -> bool:
    """Whether a product's weight is stored as `[N, K]`."""
    return node.op_type == "Gemm" and bool(node.attributes.get_int("transB", 0))


class Graph:
    """An onnx-ir graph with the steps that a scheme takes: find, add constants and operations, replace."""

    def __init__(self, model: ir.Model) -> None:
        self.model = model
        self._shared: dict[tuple[str, ...], tuple[ir.Value, ...]] = {}

    @classmethod
    def open(cls, path: Path) -> Graph:
        """Reads a file."""
        import onnx_ir as ir

        return cls(ir.load(path))

    def has(self, name: str) -> bool:
        """Whether there is a constant of this name."""
        return name in self.model.graph.initializers

    def array(self, name: str) -> np.ndarray:
        """A constant's values."""
        tensor = self.model.graph.initializers[name].const_value
        assert tensor is not None
        return tensor.numpy()

    def set_array(self, name: str, array: np.ndarray) -> None:
        """Gives a constant other values of the same shape."""
        import numpy as np
        import onnx_ir as ir

        kept = np.ascontiguousarray(array, dtype=self.array(name).dtype)
        self.model.graph.initializers[name].const_value = ir.tensor(kept, name=name)

    def products(self, name: str) -> list[Product]:
        """The MatMul and Gemm nodes that multiply by the weight `name`."""
        import numpy as np

        found = []
        for node, index in self.model.graph.initializers[name].uses():
            if index != 1 or not is_product(node):
                continue
            weight = np.ascontiguousarray(self.array(name).T if is_turned(node) else self.array(name))
            end, bias = self._biased(node)
            given = node.inputs[0]
            assert given is not None
            found.append(Product(node, end, name, given, weight, bias))
        return found

    def _biased(self, node: ir.Node) -> tuple[ir.Node, ir.Value | None]:
        """The node whose output is a product with its bias, and the bias."""
        if node.op_type == "Gemm":
            return node, node.inputs[2] if len(node.inputs) > 2 else None
        uses = list(node.outputs[0].uses())
        if len(uses) == 1 and not node.outputs[0].is_graph_output() and uses[0].node.op_type == "Add":
            add, index = uses[0]
            other = add.inputs[1 - index]
            if other is not None and self.has(str(other.name)) and self.array(str(other.name)).ndim == 1:
                return add, other
        return node, None

    def lookups(self, name: str) -> list[ir.Node]:
        """The Gather nodes that read rows of the table `name`."""
        uses = self.model.graph.initializers[name].uses()
        return [node for node, index in uses if node.op_type == "Gather" and index == 0]

    def constant(self, name: str, array: np.ndarray) -> ir.Value:
        """A new constant, or the one of this name."""
        import onnx_ir as ir

        if not self.has(name):
            value = ir.Value(name=name, const_value=ir.tensor(array, name=name))
            self.model.graph.register_initializer(value)
        return self.model.graph.initializers[name]

    def add(
        self, op: str, inputs: Sequence[Any], *, domain: str = "", outputs: int = 1, **attributes: Any
    ) -> tuple[ir.Value, ...]:
        """A new operation; where it stands is settled by `finish`. Inputs that are None are absent."""
        import onnx_ir as ir

        if domain:
            self.model.opset_imports.setdefault(domain, 1)
        given = list(inputs)
        while given[-1] is None:
            given.pop()
        node = ir.node(op, given, attributes or None, domain=domain, num_outputs=outputs)
        self.model.graph.append(node)
        return tuple(node.outputs)

    def shared(self, op: str, inputs: Sequence[ir.Value], *, outputs: int = 1) -> tuple[ir.Value, ...]:
        """As `add`, but one operation for all that ask for the same."""
        key = (op, *[str(value.name) for value in inputs])
        if key not in self._shared:
            self._shared[key] = self.add(op, inputs, outputs=outputs)
        return self._shared[key]

    def replace(self, node: ir.Node, value: ir.Value) -> None:
        """Lets `value` stand for the first output of `node`, under its name, and drops the node."""
        old = node.outputs[0]
        name, value.shape, value.type = old.name, old.shape, old.type
        old.replace_all_uses_with(value, replace_graph_outputs=True)
        self.model.graph.remove(node, safe=True)
        old.name = None
        value.name = name

    def replace_product(self, product: Product, value: ir.Value) -> None:
        """Lets `value` stand for the result of a product, bias included."""
        self.replace(product.end, value)
        if product.end is not product.node:
            self.model.graph.remove(product.node, safe=True)

    def finish(self) -> ir.Model:
        """The model in a valid order, without constants that nobody reads any more.

        Shapes that the exporter noted go as well: with them ONNX Runtime joins every residual Add with its
        LayerNormalization to one operator, which takes longer than the two (10 % of int8 at 128 tokens).
        """
        graph = self.model.graph
        graph.sort()
        for value in [value for node in graph for value in node.outputs]:
            if not value.is_graph_output():
                value.shape = value.type = None
        for name in [n for n, value in graph.initializers.items() if not value.uses()]:
            del graph.initializers[name]
        return self.model
