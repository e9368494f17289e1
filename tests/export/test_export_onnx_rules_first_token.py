"""Only the first token is computed where only it is read, and nothing changes where others are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_rule_graphs import HEADS, WIDTH, graph, hidden, matrix, operators, padding, rewritten, run, vector

from edgekit.export.onnx_rules import first_token

D = WIDTH


def last_layer(*, index: object = 0, bias: bool = False, mixed: bool = False, extra: str = ""):
    """A post-norm layer under a head that reads one token.

    Args:
        bias: attention adds `distances` `[1, H, L, L]` instead of masking padding.
        mixed: the tokens are mixed again above the layer.
    """
    attention = "q, k, v, , , distances" if bias else "q, k, v, , padded"
    text = f"""
    layer (float[B,L,{D}] x, int32[B,L] padded, float[1,{HEADS},L,L] distances) => (float[B,3] out{extra})
    <float[B,L,{D}] context> {{
        q = MatMul(x, wq)
        k = MatMul(x, wk)
        v = MatMul(x, wv)
        context = com.microsoft.MultiHeadAttention<num_heads={HEADS}>({attention})
        product = MatMul(context, wo)
        attended = Add(product, bo)
        first_sum = Add(attended, x)
        normed = LayerNormalization<axis=-1, epsilon=1e-5>(first_sum, scale, shift)
        wide = MatMul(normed, wi)
        inner, gate = Split<axis=2, num_outputs=2>(wide)
        active = Gelu(inner)
        gated = Mul(active, gate)
        narrow = MatMul(gated, wd)
        second_sum = Sum(narrow, normed)
        last = LayerNormalization<axis=-1, epsilon=1e-5>(second_sum, scale, shift)
        {"top = CumSum(last, one)" if mixed else "top = Identity(last)"}
        token = Gather<axis=1>(top, index)
        out = MatMul(token, head)
    }}"""
    return graph(
        text,
        **{f"w{name}": matrix(D, D, seed=i) for i, name in enumerate("qkvo")},
        bo=vector(D, seed=4),
        wi=matrix(D, 4 * D, seed=5),
        wd=matrix(2 * D, D, seed=6),
        scale=vector(D, seed=7),
        shift=vector(D, seed=8),
        head=matrix(D, 3, seed=9),
        index=np.array(index),
        one=np.array(1),
    )


def feed(batch: int, length: int) -> dict[str, np.ndarray]:
    distances = np.random.default_rng(9).normal(size=(1, HEADS, length, length)).astype(np.float32)
    mask = padding(batch, length).astype(np.int32)
    return {"x": hidden(batch, length), "padded": mask, "distances": distances}


@pytest.mark.parametrize("bias", [False, True])
@settings(max_examples=8)
@given(batch=st.integers(1, 4), length=st.integers(1, 9))
def test_the_answer_stays(bias: bool, batch: int, length: int) -> None:
    before = last_layer(bias=bias)
    after, changed = rewritten(before, first_token.RULE)
    assert changed
    inputs = feed(batch, length)
    assert np.abs(run(after, **inputs) - run(before, **inputs)).max() <= 1e-5


def test_only_keys_and_values_see_every_token() -> None:
    after, _ = rewritten(last_layer(), first_token.RULE)
    rows = {v.name: v.shape[1] for node in after.graph for v in node.outputs if v.shape and len(v.shape) == 3}
    assert {name for name, length in rows.items() if length != 1} == {"k", "v"}
    assert operators(after)["Gather"] == 2  # of x, for queries and residual, and the head's own


def test_a_second_time_nothing_is_left_to_do() -> None:
    once, _ = rewritten(last_layer(), first_token.RULE)
    twice, changed = rewritten(once, first_token.RULE)
    assert not changed and operators(twice) == operators(once)


@pytest.mark.parametrize(
    "near_miss",
    [
        {"index": 1},
        {"index": [0, 1]},
        {"mixed": True},  # the first row of what is read depends on other rows
        {"extra": f", float[B,L,{D}] last"},  # the caller reads every token
    ],
)
def test_a_near_miss_is_left_alone(near_miss) -> None:
    before = last_layer(**near_miss)
    after, changed = rewritten(before, first_token.RULE)
    assert not changed and operators(after) == operators(before)


def test_an_operand_with_a_token_axis_is_cut_too() -> None:
    text = f"""
    g (float[B,L,{D}] x, float[1,L,{D}] rows, float[B,1,{D}] one, float[L,{D}] flat) => (float[B,{D}] out) {{
        a = MatMul(x, w)
        b = Add(a, rows)
        c = Mul(b, one)
        d = LAST
        out = Gather<axis=1>(d, index)
    }}"""
    inputs = {"x": hidden(2, 5), "rows": hidden(1, 5, seed=1), "one": hidden(2, 1, seed=2)}
    inputs["flat"] = hidden(1, 5, seed=4)[0]
    for last, gathers in (("Add(c, one)", 3), ("Add(c, flat)", 1)):
        before = graph(text.replace("LAST", last), w=matrix(D, D, seed=3), index=np.array(0))
        after, _ = rewritten(before, first_token.RULE)
        assert operators(after)["Gather"] == gathers  # rows without a batch axis are not understood
        assert np.abs(run(after, **inputs) - run(before, **inputs)).max() <= 1e-6
