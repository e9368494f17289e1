"""Projections of one input are joined, under a name that tells which, and others are not."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_rule_graphs import HEADS, WIDTH, graph, hidden, matrix, operators, rewritten, run, vector

from edgekit.export.onnx_rules import packed_projections
from edgekit.export.onnx_rules.packed_projections import joined_name

D = WIDTH
PARTS = ("query", "key", "value")


def projected(*, inputs: str = "xxx", biases: str = "qkv", weights: tuple[str, ...] = PARTS, extra: str = ""):
    """Three projections and attention.

    Args:
        inputs: what each projection reads, `x` or `y`.
        biases: the projections that have one, by first letter.
        weights: whose matrix each one multiplies by.
    """
    lines = []
    for part, given, weight in zip(PARTS, inputs, weights, strict=True):
        letter = part[0]
        product = f"{letter}_product" if letter in biases else letter
        lines.append(f"{product} = MatMul({given}, {weight}_w)")
        if letter in biases:
            lines.append(f"{letter} = Add({product}, {part}_b)")
    body = "\n".join(lines)
    return graph(
        f"""
        g (float[B,L,{D}] x, float[B,L,{D}] y) => (float[B,L,{D}] out{extra}) {{
            {body}
            out = com.microsoft.MultiHeadAttention<num_heads={HEADS}>(q, k, v)
        }}""",
        **{f"{part}_w": matrix(D, D, seed=i) for i, part in enumerate(PARTS)},
        **{f"{part}_b": vector(D, seed=9 + i) for i, part in enumerate(PARTS)},
    )


@pytest.mark.parametrize(
    ("before", "products"),
    [
        (projected(), 1),
        (projected(biases=""), 1),
        (projected(inputs="yxx"), 2),  # queries read something else: keys and values are joined alone
        (projected(biases="kv"), 2),
    ],
)
def test_the_joined_product_computes_the_same(before, products: int) -> None:
    after, changed = rewritten(before, packed_projections.RULE)
    assert changed and operators(after)["MatMul"] == products and operators(after)["Split"] == 1
    for batch, length in ((1, 1), (1, 7), (3, 4)):
        inputs = {"x": hidden(batch, length), "y": hidden(batch, length, seed=1)}
        assert np.abs(run(after, **inputs) - run(before, **inputs)).max() <= 1e-5


def test_no_weight_is_stored_twice() -> None:
    after, _ = rewritten(projected(), packed_projections.RULE)
    assert set(after.graph.initializers) == {"query_w+key_w+value_w", "query_b+key_b+value_b"}


@pytest.mark.parametrize(
    "near_miss",
    [
        {"inputs": "yyx"},
        {"biases": "qk"},  # keys have a bias and values do not
        {"weights": ("query", "key", "key")},  # a shared matrix would be stored twice
        {"extra": f", float[B,L,{D}] k"},
    ],
)
def test_a_near_miss_is_left_alone(near_miss) -> None:
    after, changed = rewritten(projected(**near_miss), packed_projections.RULE)
    assert not changed and not operators(after)["Split"]


def test_the_name_says_what_was_joined() -> None:
    assert (
        joined_name(["a.0.query.weight", "a.0.key.weight", "a.0.value.weight"])
        == "a.0.query+key+value.weight"
    )
    assert joined_name(["a.k_lin.bias", "a.v_lin.bias"]) == "a.k_lin+v_lin.bias"
    assert joined_name(["a.b", "c"]) == "a.b+c"
