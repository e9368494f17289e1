"""Projections of one input that attention reads become one product, and a split of its result.

    x ─┬─ MatMul(Wq) ─ Add(bq) ─┐                                             ┌─┐
       ├─ MatMul(Wk) ─ Add(bk) ─ MultiHeadAttention   →   x ─ MatMul ─ Add ─ Split ─ MultiHeadAttention
       └─ MatMul(Wv) ─ Add(bv) ─┘                                             └─┘

An int8 kernel then quantizes x once, and reads one large matrix. The weights are joined by columns, so each
keeps its scales per channel. `layer.query.weight`, `layer.key.weight` and `layer.value.weight` become
`layer.query+key+value.weight`. Where queries have an input of their own, keys and values are joined alone.

Conditions:
1. The products are plain MatMuls of one input with constant matrices of one shape.
2. All have a bias, a constant vector, or none has.
3. Nothing else reads the weights or the products: a shared weight would be stored twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.export.onnx_rules.graph import MICROSOFT, constant, made_by, read_once


@dataclass(frozen=True, slots=True)
class Projection:
    """`x · weight + bias`."""

    x: ir.Value
    weight: ir.Value
    bias: ir.Value | None
    out: ir.Value


class PackedProjections(ir.passes.InPlacePass):
    """See the module."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        changed = False
        for node in list(model.graph):
            if (node.op_type, node.domain) != ("MultiHeadAttention", MICROSOFT):
                continue
            for first in (0, 1):
                found = [_projection(value) for value in node.inputs[first:3]]
                projections = [p for p in found if p is not None]
                if len(projections) == len(found) and _fit(projections):
                    _pack(model, projections)
                    changed = True
                    break
        return ir.passes.PassResult(model, changed)


def _projection(out: ir.Value | None) -> Projection | None:
    if out is None or not read_once(out):  # 3.
        return None
    product, bias = out, None
    add = made_by(out, "Add")
    if add is not None:
        left, right = add.inputs
        if left is None or not read_once(left) or np.ndim(constant(right)) != 1:  # 2., 3.
            return None
        product, bias = left, right
    node = made_by(product, "MatMul")
    if node is None:
        return None
    x, weight = node.inputs
    if x is None or weight is None or np.ndim(constant(weight)) != 2 or not read_once(weight):  # 1., 3.
        return None
    return Projection(x, weight, bias, out)


def _fit(projections: list[Projection]) -> bool:
    first = projections[0]
    return all(
        p.x is first.x
        and constant(p.weight).shape == constant(first.weight).shape  # 1.
        and (p.bias is None) == (first.bias is None)  # 2.
        for p in projections
    )


def _pack(model: ir.Model, projections: list[Projection]) -> None:
    first = projections[0]
    product = ir.node("MatMul", [first.x, _joined(model, [p.weight for p in projections])])
    nodes = [product]
    biases = [p.bias for p in projections if p.bias is not None]
    if biases:
        nodes.append(ir.node("Add", [product.outputs[0], _joined(model, biases)]))
    split = ir.node(
        "Split",
        [nodes[-1].outputs[0]],
        attributes={"axis": -1, "num_outputs": len(projections)},
        num_outputs=len(projections),
    )
    nodes.append(split)
    old = [p.out.producer() for p in projections]
    removed = [node for node in old if node is not None]
    removed += [n for node in removed for v in node.inputs[:1] if (n := made_by(v, "MatMul")) is not None]
    # At the first product, where the input exists and no reader has come yet.
    place = next(node for node in model.graph if node in removed)
    ir.convenience.replace_nodes_and_values(
        model.graph, place, removed, nodes, [p.out for p in projections], split.outputs
    )


def _joined(model: ir.Model, parts: list[ir.Value]) -> ir.Value:
    """A new initializer: `parts` beside each other along the last axis."""
    array: Any = np.concatenate([constant(part) for part in parts], axis=-1)
    name = joined_name([part.name or "" for part in parts])
    while name in model.graph.initializers:  # parts of one content are one initializer, which others read too
        name += "+"
    value = ir.val(name, const_value=ir.tensor(array, name=name))
    model.graph.register_initializer(value)
    return value


def joined_name(names: list[str]) -> str:
    """`a.query.weight` and `a.key.weight` → `a.query+key.weight`."""
    rows = [name.split(".") for name in names]
    if len({len(row) for row in rows}) > 1:
        return "+".join(names)
    return ".".join("+".join(dict.fromkeys(parts)) for parts in zip(*rows, strict=True))


RULE = PackedProjections()
