"""Plans for ONNX: what each weight of a graph gets, and why the others stay."""

from __future__ import annotations

import pytest

from edgekit.quantize.onnx import OnnxWeight, plan_onnx
from edgekit.recipe.schema.precisions import ONNX_SCHEMES
from edgekit.types import LayerPrecision

MATRIX, TABLE = frozenset({"matrix"}), frozenset({"table"})
WEIGHTS = (
    OnnxWeight("words.weight", (1000, 48), TABLE),
    OnnxWeight("position_embeddings.weight", (128, 48), TABLE),
    OnnxWeight("norm.weight", (48,), frozenset({"LayerNormalization"})),
    OnnxWeight("packed.query+key+value.weight", (48, 144), MATRIX),
    OnnxWeight("tiny.weight", (16, 16), MATRIX),
    OnnxWeight("tied.weight", (1000, 48), MATRIX | TABLE),
    OnnxWeight("odd.weight", (900, 33), TABLE),
    OnnxWeight("kernel.weight", (64, 64), frozenset({"Einsum"})),
    OnnxWeight("head.weight", (48, 2000), MATRIX, is_last=True),
)


def plan(scheme: str, **more) -> dict[str, LayerPrecision]:
    made = plan_onnx(WEIGHTS, name="net", target="onnxruntime", scheme=scheme, **more)
    assert made.scheme == scheme and len(made.layers) == len(WEIGHTS)
    return {layer.name: layer for layer in made.layers}


@pytest.mark.parametrize("scheme", [name for name in ONNX_SCHEMES if name != "mixed"])
def test_what_no_scheme_touches_and_why(scheme: str) -> None:
    found = plan(scheme)
    for layer in found.values():
        assert bool(layer.scheme) != bool(layer.skipped_because)
        assert layer.scheme or (layer.bits, layer.granularity) == (32, "none")
    assert "vector" in found["norm.weight"].skipped_because
    assert "position" in found["position_embeddings.weight"].skipped_because
    assert "only 256 weights" in found["tiny.weight"].skipped_because
    assert "stored twice" in found["tied.weight"].skipped_because
    assert "read by Einsum" in found["kernel.weight"].skipped_because
    assert "output layer" in found["head.weight"].skipped_because
    assert found["packed.query+key+value.weight"].scheme == ONNX_SCHEMES[scheme].matrix
    assert found["words.weight"].scheme == ONNX_SCHEMES[scheme].table


def test_granularity_and_blocks() -> None:
    int8, int4 = plan("int8"), plan("int4", block_size=64)
    assert (int8["packed.query+key+value.weight"].granularity, int8["words.weight"].granularity) == (
        "per_channel",
        "per_tensor",
    )
    matrix = int4["packed.query+key+value.weight"]
    assert (matrix.bits, matrix.granularity, matrix.group_size) == (4, "per_block", 64)
    table = plan("int8-table4")["words.weight"]
    assert (table.bits, table.scheme, table.granularity, table.group_size) == (4, "int4", "per_block", 32)


def test_a_table_of_odd_width_gives_way() -> None:
    odd = plan("int4")["odd.weight"]
    assert (odd.bits, odd.scheme) == (8, "int8-weights") and "even width" in odd.note
    assert plan("int8-weights")["odd.weight"].note == ""


def test_seven_bits_in_products_alone() -> None:
    found = plan("int8-static", reduce_range=True)
    assert found["packed.query+key+value.weight"].bits == 7 and found["words.weight"].bits == 8
    assert "saturate" in found["packed.query+key+value.weight"].note
    assert plan("int4", reduce_range=True)["packed.query+key+value.weight"].bits == 4
