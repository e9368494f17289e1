"""Attention becomes one operator, with padding or a full bias, and only where the operator means the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_rule_graphs import HEADS, WIDTH, graph, hidden, operators, padding, rewritten, run

from edgekit.export.onnx_rules import attention

BIASES = {  # what is added to the scores → its lines
    "padding": "u = Unsqueeze(mask, axes)\nf = Cast<to=1>(u)\ns = Sub(one, f)\nbias = Mul(s, fill)",
    "full": "bias = Identity(distances)",
}


def written_out(bias: str = "padding", *, fill: float = -3e4, extra: str = "", heads: int = HEADS):
    """`[B, L, 8]` queries, keys and values through attention as the families write it."""
    text = f"""
    attention (float[B,L,{WIDTH}] q, float[B,L,{WIDTH}] k, float[B,L,{WIDTH}] v, int64[B,L] mask,
               float[B,{heads},L,L] distances) => (float[B,L,{WIDTH}] out{extra})
    <float[B,L,{HEADS},4] cut_q, float[B,L,{HEADS},4] cut_k, float[B,L,{HEADS},4] cut_v> {{
        {BIASES[bias]}
        cut_q = Reshape(q, cut)
        tq = Transpose<perm=[0,2,1,3]>(cut_q)
        cut_k = Reshape(k, cut)
        tk = Transpose<perm=[0,2,3,1]>(cut_k)
        cut_v = Reshape(v, cut)
        tv = Transpose<perm=[0,2,1,3]>(cut_v)
        scaled = Mul(tq, scale)
        products = MatMul(scaled, tk)
        scores = Add(products, bias)
        weights = Softmax<axis=-1>(scores)
        context = MatMul(weights, tv)
        turned = Transpose<perm=[0,2,1,3]>(context)
        out = Reshape(turned, join)
    }}"""
    return graph(
        text,
        axes=np.array([1, 2]),
        one=np.float32(1),
        fill=np.float32(fill),
        scale=np.float32(0.4),
        cut=np.array([0, 0, HEADS, WIDTH // HEADS]),
        join=np.array([0, 0, WIDTH]),
    )


def feed(batch: int, length: int) -> dict[str, np.ndarray]:
    q, k, v = (hidden(batch, length, seed=s) for s in range(3))
    distances = np.random.default_rng(9).normal(size=(batch, HEADS, length, length)).astype(np.float32)
    return {"q": q, "k": k, "v": v, "mask": padding(batch, length), "distances": distances}


@pytest.mark.parametrize("bias", BIASES)
@settings(max_examples=8)
@given(batch=st.integers(1, 4), length=st.integers(1, 9))
def test_the_operator_computes_the_same(bias: str, batch: int, length: int) -> None:
    before = written_out(bias)
    after, changed = rewritten(before, attention.RULE)
    assert changed and operators(after)["MultiHeadAttention"] == 1 and not operators(after)["Softmax"]
    inputs = feed(batch, length)
    assert np.abs(run(after, **inputs) - run(before, **inputs)).max() <= 1e-5


def test_padding_becomes_the_operators_own_mask() -> None:
    after, _ = rewritten(written_out(), attention.RULE)
    assert operators(after) == {"Cast": 1, "MultiHeadAttention": 1}  # the mask arithmetic is gone


@pytest.mark.parametrize(
    "near_miss",
    [
        {"fill": -5.0},  # padding would keep some weight
        {"bias": "full", "heads": 1},  # the kernel does not broadcast over heads of a batch
        {"extra": ", float[B,2,L,L] weights"},  # somebody reads the attention weights
    ],
)
def test_a_near_miss_is_left_alone(near_miss) -> None:
    before = written_out(**near_miss)
    after, changed = rewritten(before, attention.RULE)
    assert not changed and operators(after) == operators(before)
