"""Rules on element types."""

from __future__ import annotations

from typing import Any

from edgekit.advice.program import computed, dtype, extents
from edgekit.advice.rules.rule import Found, found
from edgekit.advice.scene import Scene


def single_precision(scene: Scene) -> Found | None:
    """Operations that compute in float32; casts are another rule's."""
    hits = [op for op in scene.operations if op.op_type != "cast" and "fp32" in _types(op)]
    return found(hits, f"{len(hits)} of {len(scene.operations)} operations")


def casts(scene: Scene) -> Found | None:
    """Casts between float16 and float32 inside the program; those of its own inputs and outputs are free."""
    outer = {var.name for var in scene.function.outputs} | set(scene.function.inputs)
    return found(
        op
        for op in scene.operations
        if op.op_type == "cast"
        and {dtype(op.inputs["x"]), dtype(op.outputs[0])} == {"fp16", "fp32"}
        and not outer & {op.inputs["x"].name, op.outputs[0].name}
        and not all(reader.op_type == "classify" for reader in op.outputs[0].child_ops)
    )


def whole_numbers(scene: Scene) -> Found | None:
    """Operations whose results are int32 tensors."""
    return found(op for op in scene.operations if "int32" in _types(op))


def quantized_activations(scene: Scene) -> Found | None:
    """`quantize` of something that the program computes."""
    return found(op for op in scene.operations if op.op_type == "quantize" and computed(op.inputs["input"]))


def _types(op: Any) -> set[str]:
    # Scalars stay in registers and dictionaries leave the program: neither is a tensor on the engine.
    return {dtype(var) for var in op.outputs if extents(var) != () and op.op_type != "classify"}
