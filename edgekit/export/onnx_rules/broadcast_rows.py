"""Rows of a table that are added to every text lose their leading axis: broadcasting adds it again for free.

    x [B, L, D] ──────────────────┐           x [B, L, D] ──┐
    rows [L, D] ─ Unsqueeze(0) ─ Add    →     rows [L, D] ─ Add

Conditions:
1. Only a leading axis is added.
2. The other operand has that axis, so that the sum keeps its shape.
"""

from __future__ import annotations

import onnx_ir as ir

from edgekit.export.onnx_rules.graph import constant, made_by, rank


class BroadcastRows(ir.passes.InPlacePass):
    """See the module."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        changed = False
        for node in model.graph:
            if node.op_type != "Add" or node.domain:
                continue
            for place in (0, 1):
                lifted = made_by(node.inputs[place], "Unsqueeze")
                other = node.inputs[1 - place]
                if lifted is None or other is None:
                    continue
                rows, axes = lifted.inputs[0], constant(lifted.inputs[1])
                if rows is None or axes is None or axes.tolist() != [0]:  # 1.
                    continue
                if rank(rows) is not None and rank(other) == rank(rows) + 1:  # type: ignore[operator]  # 2.
                    node.replace_input_with(place, rows)
                    changed = True
        return ir.passes.PassResult(model, changed)


RULE = BroadcastRows()
