"""Where only the first token of the last layer is read, only that token is computed.

    x ─┬─ query ─ attention ─ … ─ feed-forward ─ Gather(0)
       └─ keys and values ──┘

    →  x ─┬─ Gather([0]) ─ query ─ attention ─ … ─ feed-forward ─ Gather(0)
          └─ keys and values ─────────┘

Most classifiers read [CLS] alone. What is computed token by token, output projection, feed-forward network,
norms and queries, then need not run for the others; keys and values still see every token. The numbers stay
the same. Of the products of an encoder's last layer about five sixths go away.

A node is token-wise when row i of its output depends on row i of some inputs alone. Going up from the
Gather, every token-wise node whose outputs are read there or by such nodes only takes the first row.

Conditions:
1. The Gather picks index 0 of axis 1 of `[B, L, D]`.
2. Token-wise: elementwise operators, LayerNormalization and Split of the last axis, MatMul with a matrix,
   and MultiHeadAttention in its queries and in axis 2 of its attention bias. An elementwise operand is
   `[B, L, D]` or has no token axis.
3. At least one product is spared; a cut that spares less is not worth its Gather.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edgekit.export.onnx_rules.graph import MICROSOFT, attribute, constant, dims, rank

# fmt: off
ELEMENTWISE = frozenset((
    "Abs", "Add", "Cast", "Clip", "Div", "Erf", "Gelu", "Identity", "Max", "Min", "Mul", "Neg", "Pow", "Relu",
    "Sigmoid", "Sqrt", "Sub", "Sum", "Tanh",
))
# fmt: on
ROW = "first_token"  # the index [0]
PRODUCTS = frozenset(("MatMul", "MultiHeadAttention"))


class FirstToken(ir.passes.InPlacePass):
    """See the module."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        picks = {node for node in model.graph if _picks_first(node)}
        inside: dict[ir.Node, dict[int, int]] = {}  # node → its inputs with a token axis, and that axis
        for node in reversed(list(model.graph)):
            if any(out.is_graph_output() for out in node.outputs) or node in picks:
                continue
            uses = [use for out in node.outputs for use in out.uses()]
            if uses and all(u.node in picks or u.idx in inside.get(u.node, ()) for u in uses):
                tokens = _token_inputs(node)
                if tokens:
                    inside[node] = tokens
        if not any(node.op_type in PRODUCTS for node in inside):  # 3.
            return ir.passes.PassResult(model, False)
        _cut(model.graph, inside)
        for pick in picks:
            _drop_idle(model.graph, pick)
        return ir.passes.PassResult(model, True)


def _picks_first(node: ir.Node) -> bool:
    if node.op_type != "Gather" or node.domain or rank(node.inputs[0]) != 3:  # type: ignore[arg-type]
        return False
    index = constant(node.inputs[1])
    return attribute(node, "axis", 0) in (1, -2) and index is not None and index.tolist() in (0, [0])  # 1.


def _token_inputs(node: ir.Node) -> dict[int, int]:
    """Places of the inputs that are read row by row → the axis of their rows; empty: not token-wise."""
    made = dims(node.outputs[0])
    if len(made) != 3 or made[1] == 1:  # not known, or cut before
        return {}
    if node.op_type == "MultiHeadAttention" and node.domain == MICROSOFT:
        bias = len(node.inputs) > 5 and node.inputs[5] is not None
        return {0: 1, 5: 2} if bias else {0: 1}
    if node.domain:
        return {}
    first = node.inputs[0]
    whole = first is not None and rank(first) == 3
    if node.op_type in ("LayerNormalization", "Split"):
        last = attribute(node, "axis", -1 if node.op_type == "LayerNormalization" else 0) in (-1, 2)
        return {0: 1} if whole and last else {}
    if node.op_type == "MatMul":
        return {0: 1} if whole and np.ndim(constant(node.inputs[1])) == 2 else {}
    return _elementwise_inputs(node) if node.op_type in ELEMENTWISE else {}


def _elementwise_inputs(node: ir.Node) -> dict[int, int]:
    found = {}
    for place, value in enumerate(node.inputs):
        if value is None or rank(value) in (0, 1):
            continue
        if rank(value) != 3:
            return {}
        if dims(value)[1] != 1:
            found[place] = 1
    return found


def _cut(graph: ir.Graph, inside: dict[ir.Node, dict[int, int]]) -> None:
    """Takes the first row where rows enter the token-wise nodes, and records the new shapes."""
    zero = graph.initializers.get(ROW) or ir.val(ROW, const_value=ir.tensor(np.zeros(1, np.int64), name=ROW))
    graph.initializers[ROW] = zero
    taken: dict[ir.Value, ir.Value] = {}
    for node in reversed(inside):  # in the order of the graph
        for place, axis in inside[node].items():
            value = node.inputs[place]
            assert value is not None
            if value.producer() in inside:
                continue
            if value not in taken:
                row = ir.node("Gather", [value, zero], attributes={"axis": axis})
                _as_one(row.outputs[0], value, axis)
                graph.insert_before(node, row)
                taken[value] = row.outputs[0]
            node.replace_input_with(place, taken[value])
        for out in node.outputs:
            _as_one(out, out, 1)


def _drop_idle(graph: ir.Graph, pick: ir.Node) -> None:
    """Removes the Gather of an earlier cut that now finds one row, and keeps it."""
    value, index = pick.inputs
    if value is None or dims(value)[1] != 1 or np.ndim(constant(index)) != 1:
        return
    ir.convenience.replace_all_uses_with(pick.outputs[0], value)
    graph.remove(pick, safe=True)


def _as_one(value: ir.Value, like: ir.Value, axis: int) -> None:
    """Gives `value` the type and shape of `like`, with one entry along `axis`."""
    value.type = like.type
    if like.shape is not None:
        dims = list(like.shape)
        dims[axis] = 1
        value.shape = ir.Shape(dims)


RULE = FirstToken()
