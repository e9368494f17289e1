"""Rewrites of an exported ONNX graph, one rule per file, in the order in which they are applied.

Each file offers `RULE`, an onnx-ir pass; what it does not match it leaves as it was. Every rule here made a
graph faster when it was measured. Fusions that did not are left out, although ONNX Runtime has the operators:
SkipLayerNormalization and EmbedLayerNormalization run a scalar loop on a CPU (see `residual_sum`), BiasGelu
is made when a session is created, and in an int8 graph a bias belongs to the product before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.export.onnx_rules import (
    attention,
    broadcast_rows,
    first_token,
    packed_projections,
    residual_sum,
    tanh_gelu,
)

# For ONNX Runtime's CPU provider. Attention goes first: the others read through its one node.
RULES = (
    tanh_gelu.RULE,
    attention.RULE,
    first_token.RULE,
    packed_projections.RULE,
    broadcast_rows.RULE,
    residual_sum.RULE,
)
# Standard operators only, and no shape that another runtime's own fusions look for is hidden.
PORTABLE_RULES = (tanh_gelu.RULE, first_token.RULE, broadcast_rows.RULE)


def apply_rules(model: ir.Model, rules: Sequence[ir.passes.InPlacePass] = RULES) -> bool:
    """Applies `rules` in their order, in place; then merges equal nodes, and drops what nothing reads.

    Returns:
        Whether one of them changed anything.
    """
    changed = [rule(model).modified for rule in rules]
    common.CommonSubexpressionEliminationPass()(model)
    common.RemoveUnusedNodesPass()(model)
    common.NameFixPass()(model)
    for node in model.graph:
        node.metadata_props.clear()  # the exporter's notes belong to nodes that may be gone
    return any(changed)
