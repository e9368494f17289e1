"""Sums before a norm escape a slow fusion, rows of a table are broadcast, and GELU is one operator."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from onnx_rule_graphs import WIDTH, graph, hidden, kernels, matrix, operators, rewritten, run, vector

from edgekit.export.onnx_rules import broadcast_rows, residual_sum, tanh_gelu

D = WIDTH


def residual(*, operand: str = "float[B,5,8] y", extra: str = ""):
    """A projection with its bias, a residual and LayerNorm. Five tokens: ONNX Runtime fuses known lengths."""
    return graph(
        f"""
        g (float[B,5,{D}] x, {operand}) => (float[B,5,{D}] out{extra}) {{
            product = MatMul(x, w)
            projected = Add(product, b)
            total = Add(projected, y)
            out = LayerNormalization<axis=-1, epsilon=1e-5>(total, scale, shift)
        }}""",
        w=matrix(D, D, seed=0),
        b=vector(D, seed=1),
        scale=vector(D, seed=2),
        shift=vector(D, seed=3),
    )


def test_a_residual_is_not_fused_into_the_slow_kernel(tmp_path: Path) -> None:
    before = residual()
    after, changed = rewritten(before, residual_sum.RULE)
    assert changed and operators(after) == {"MatMul": 1, "Add": 1, "Sum": 1, "LayerNormalization": 1}
    assert kernels(before, tmp_path)["SkipLayerNormalization"] == 1
    assert kernels(after, tmp_path)["SkipLayerNormalization"] == 0
    for batch in (1, 3):
        inputs = {"x": hidden(batch, 5), "y": hidden(batch, 5, seed=1)}
        assert np.abs(run(after, **inputs) - run(before, **inputs)).max() <= 1e-6


def test_three_embeddings_are_added_at_once() -> None:
    before = graph(
        f"""
        g (float[B,L,{D}] words, float[B,L,{D}] types, float[L,{D}] rows) => (float[B,L,{D}] out) {{
            lifted = Unsqueeze(rows, axes)
            two = Add(words, types)
            three = Add(two, lifted)
            out = LayerNormalization<axis=-1, epsilon=1e-5>(three, scale)
        }}""",
        scale=vector(D, seed=2),
        axes=np.array([0]),
    )
    after, _ = rewritten(rewritten(before, broadcast_rows.RULE)[0], residual_sum.RULE)
    assert operators(after) == {"Sum": 1, "LayerNormalization": 1}
    for batch, length in ((1, 1), (1, 6), (4, 3)):
        inputs = {"words": hidden(batch, length), "types": hidden(batch, length, seed=1)}
        inputs["rows"] = hidden(1, length, seed=2)[0]
        assert np.abs(run(after, **inputs) - run(before, **inputs)).max() <= 1e-6


@pytest.mark.parametrize("extra", ["", f", float[B,5,{D}] total"])
def test_a_sum_that_is_read_again_or_a_bias_stays(extra: str) -> None:
    before = residual(extra=extra) if extra else biased()
    after, changed = rewritten(before, residual_sum.RULE)
    assert not changed and operators(after) == operators(before)


def biased():
    return graph(
        f"""
        g (float[B,L,{D}] x) => (float[B,L,{D}] out) {{
            product = MatMul(x, w)
            projected = Add(product, b)
            out = LayerNormalization<axis=-1>(projected, b)
        }}""",
        w=matrix(D, D, seed=0),
        b=vector(D, seed=1),
    )


@pytest.mark.parametrize(
    ("other", "rows", "axes"),
    [
        (f"float[1,L,{D}]", f"float[B,{D}]", [1]),
        (f"float[1,L,{D}]", f"float[{D}]", [0, 1]),
        (f"float[L,{D}]", f"float[L,{D}]", [0]),  # without the lifted one the sum would lose an axis
    ],
)
def test_other_axes_stay(other: str, rows: str, axes: list[int]) -> None:
    before = graph(
        f"""
        g ({other} x, {rows} y) => (float[B,L,{D}] out) {{
            lifted = Unsqueeze(y, axes)
            out = Add(x, lifted)
        }}""",
        axes=np.array(axes),
    )
    after, changed = rewritten(before, broadcast_rows.RULE)
    assert not changed and operators(after)["Unsqueeze"] == 1


def gelu(*, cube: float = 0.044715, extra: str = ""):
    return graph(
        f"""
        g (float[B,L,{D}] x) => (float[B,L,{D}] out{extra}) {{
            half_x = Mul(x, half)
            a = Mul(x, cube)
            b = Mul(a, x)
            c = Mul(b, x)
            d = Add(x, c)
            e = Mul(d, slope)
            t = Tanh(e)
            u = Add(t, one)
            out = Mul(half_x, u)
        }}""",
        half=np.float32(0.5),
        cube=np.float32(cube),
        slope=np.float32(math.sqrt(2 / math.pi)),
        one=np.float32(1),
    )


def test_the_tanh_form_of_gelu_is_one_operator() -> None:
    before = gelu()
    after, changed = rewritten(before, tanh_gelu.RULE)
    assert changed and operators(after) == {"Gelu": 1}
    inputs = {"x": 4 * hidden(3, 50)}
    assert np.abs(run(after, **inputs) - run(before, **inputs)).max() <= 1e-5


@pytest.mark.parametrize("near_miss", [{"cube": 0.04}, {"extra": f", float[B,L,{D}] t"}])
def test_another_formula_stays(near_miss) -> None:
    before = gelu(**near_miss)
    after, changed = rewritten(before, tanh_gelu.RULE)
    assert not changed and operators(after) == operators(before)
