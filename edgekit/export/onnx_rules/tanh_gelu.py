"""The tanh form of GELU, written out, becomes one operator.

    x ──┬─ ·0.5 ─────────────────────────────────┐
        ├─ ·0.044715 ─ ·x ─ ·x ─┐                │        Gelu(approximate="tanh")
        └──────────────────── Add ─ ·√(2/π) ─ Tanh ─ +1 ─ Mul      →

Conditions:
1. The four constants are those of Hendrycks and Gimpel (2016), to 1e-4 of each.
2. Nothing else reads what lies between.
"""

from __future__ import annotations

import math
from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewritePass
from onnxscript.rewriter.pattern import RewriteRule

from edgekit.export.onnx_rules.graph import scalar

CONSTANTS = {"half": 0.5, "cube": 0.044715, "slope": math.sqrt(2.0 / math.pi), "one": 1.0}


def _before(op: Any, x: Any, half: Any, cube: Any, slope: Any, one: Any) -> Any:
    inner = op.Add(x, op.Mul(op.Mul(op.Mul(x, cube), x), x))
    return op.Mul(op.Mul(x, half), op.Add(op.Tanh(op.Mul(inner, slope)), one))


def _fits(_: Any, **bound: ir.Value) -> bool:
    told = {name: scalar(bound[name]) for name in CONSTANTS}
    # 1.
    return all(n is not None and math.isclose(n, CONSTANTS[name], rel_tol=1e-4) for name, n in told.items())


def _after(op: Any, x: ir.Value, **_: ir.Value) -> Any:
    return op.Gelu(x, approximate="tanh")


# 2. is what the rewriter checks of every pattern.
RULE = RewritePass([RewriteRule(_before, _after, _fits, name="tanh_gelu")])
