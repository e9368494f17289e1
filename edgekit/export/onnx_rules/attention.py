"""Scaled dot-product attention, written out, becomes one `MultiHeadAttention`.

    query ─ Reshape ─ Transpose ─ ·scale ─ MatMul ─ Add(bias) ─ Softmax ─ MatMul ─ Transpose ─ Reshape
    key ─── Reshape ─ Transpose ────────────┘                              │
    value ─ Reshape ─ Transpose ───────────────────────────────────────────┘

    →  MultiHeadAttention(query, key, value, key_padding_mask or attention_bias)

A bias that is nothing but padding, `(1 − attention_mask) · fill`, becomes the operator's own padding mask,
an int32 tensor made once for all layers. Any other bias, such as one per head and distance, is handed over.

Conditions:
1. The last axis of query, key and value is fixed, and one shape cuts all three into heads.
2. Padding: `fill` is −1e4 or less, and the mask is `[B, L]` of 0 and 1. For the operator any positive entry
   is text; it adds `fill` to the others, as the graph did.
3. Another bias: `[B or 1, H, L, L]`. The kernel copies it row by row and does not broadcast its last axes.
4. Nothing else reads what lies between.
"""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
from onnxscript.rewriter import RewritePass
from onnxscript.rewriter.pattern import RewriteRule

from edgekit.export.onnx_rules.graph import MICROSOFT, constant, dims, made_by, rank, scalar

LOWEST = -1e4  # a fill above it might leave padding some weight


def _before(op: Any, query: Any, key: Any, value: Any, cut: Any, scale: Any, bias: Any, join: Any) -> Any:
    queries = op.Transpose(op.Reshape(query, cut, _outputs=["heads_q"]), perm=[0, 2, 1, 3])
    keys = op.Transpose(op.Reshape(key, cut, _outputs=["heads_k"]), perm=[0, 2, 3, 1])
    values = op.Transpose(op.Reshape(value, cut, _outputs=["heads_v"]), perm=[0, 2, 1, 3])
    scores = op.Add(op.MatMul(op.Mul(queries, scale), keys), bias)
    context = op.MatMul(op.Softmax(scores, axis=-1), values)
    return op.Reshape(op.Transpose(context, perm=[0, 2, 1, 3]), join, _outputs=["out"])


def _fits(_: Any, **bound: ir.Value) -> bool:
    query = bound["query"]
    heads = {_heads(bound[name], bound[f"heads_{name[0]}"]) for name in ("query", "key", "value")}
    count = heads.pop()
    if count is None or heads or dims(bound["out"])[:2] != dims(query)[:2] or scalar(bound["scale"]) is None:
        return False  # 1.
    return _padding(bound["bias"]) is not None or _is_full(bound["bias"], query, count)


def _heads(whole: ir.Value, cut: ir.Value) -> int | None:
    """How many heads `[B, L, H·d]` is cut into as `[B, L, H, d]`, or None."""
    given, made = dims(whole), dims(cut)
    if len(given) != 3 or len(made) != 4 or None in given or made[:2] != given[:2]:
        return None
    heads, size = made[2:]
    return heads if isinstance(heads, int) and isinstance(size, int) and heads * size == given[2] else None


def _padding(bias: ir.Value) -> tuple[ir.Value, float] | None:
    """The mask and the fill of `(1 − cast(unsqueeze(mask, [1, 2]))) · fill`, or None."""
    product = made_by(bias, "Mul")
    flipped = made_by(product.inputs[0], "Sub") if product else None
    cast = made_by(flipped.inputs[1], "Cast") if flipped else None
    lifted = made_by(cast.inputs[0], "Unsqueeze") if cast else None
    if product is None or flipped is None or lifted is None or scalar(flipped.inputs[0]) != 1.0:
        return None
    fill, mask, axes = scalar(product.inputs[1]), lifted.inputs[0], constant(lifted.inputs[1])
    if fill is None or fill > LOWEST or mask is None or rank(mask) != 2 or axes is None:  # 2.
        return None
    return (mask, fill) if sorted(axes.tolist()) == [1, 2] else None


def _is_full(bias: ir.Value, query: ir.Value, heads: int) -> bool:
    length = dims(query)[1]
    return len(dims(bias)) == 4 and dims(bias)[1:] == (heads, length, length)  # 3.


def _after(op: Any, query: ir.Value, key: ir.Value, value: ir.Value, **bound: ir.Value) -> Any:
    context = {
        "num_heads": _heads(query, bound["heads_q"]),
        "scale": scalar(bound["scale"]),
        "_domain": MICROSOFT,
    }
    padding = _padding(bound["bias"])
    if padding is None:
        return op.MultiHeadAttention(query, key, value, None, None, bound["bias"], **context)
    # One cast per layer; equal ones are merged when all rules have run.
    mask = op.Cast(padding[0], to=ir.DataType.INT32)
    return op.MultiHeadAttention(query, key, value, None, mask, mask_filter_value=padding[1], **context)


# 4. is what the rewriter checks of every pattern.
RULE = RewritePass([RewriteRule(_before, _after, _fits, name="attention")])
