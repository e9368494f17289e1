"""Fixes a program's flexible inputs to one length, and works out every other shape anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgekit.errors import ModelError
from edgekit.mil import Feature, Model


def default_length(model: Model) -> int | None:
    """The extent of the flexible axes in the package's default shapes; None when all shapes are fixed."""
    flexible = [_flexible(feature) for feature in model.inputs.values()]
    extents = [
        f.shape[axis] for f, axes in zip(model.inputs.values(), flexible, strict=True) for axis in axes
    ]
    return max(extents, default=None)


def shapes_at(model: Model, length: int | None) -> dict[str, tuple[int, ...]]:
    """Input name → shape, every flexible axis but the batch's at `length`; the default shapes when None.

    Raises:
        ModelError: all inputs have fixed shapes, or one does not take this length.
    """
    shapes = {}
    for name, feature in model.inputs.items():
        if feature.kind not in ("tensor", "image"):
            continue
        shape = feature.shape
        if length is not None:
            axes = _flexible(feature)
            shape = tuple(length if axis in axes else e for axis, e in enumerate(shape))
        if not feature.accepts(shape):
            raise ModelError(
                f"{model.path.name} does not take the length {length}: {name!r} accepts {feature.allowed}.",
                remedy="Give a --length that it accepts, or leave --length out.",
            )
        shapes[name] = shape
    if length is not None and default_length(model) is None:
        raise ModelError(f"All inputs of {model.path.name} have fixed shapes.", remedy="Leave --length out.")
    return shapes


def _flexible(feature: Feature) -> tuple[int, ...]:
    allowed: Sequence[tuple[int, ...]] = (feature.shape, *feature.shapes)
    if feature.ranges:
        axes = [axis for axis, (low, high) in enumerate(feature.ranges) if low != high]
    else:
        axes = [axis for axis, choices in enumerate(zip(*allowed, strict=True)) if len(set(choices)) > 1]
    # An axis 0 beside other flexible ones counts inputs, not tokens or pixels.
    return tuple(axes if len(axes) < 2 else [axis for axis in axes if axis > 0])


def resolve(function: Any, shapes: dict[str, tuple[int, ...]]) -> None:
    """Sets the inputs' shapes in a pymil function and infers all others from them, in place."""
    from coremltools.converters.mil.mil import types

    for name, shape in shapes.items():
        var = function.inputs[name]
        var._sym_type = types.tensor(var.dtype, shape)
    _infer(function)


def _infer(block: Any) -> None:
    for op in block.operations:
        if op.op_type == "const" or op.op_type.startswith("constexpr_"):
            continue
        for nested in op.blocks:
            _infer(nested)
        op.type_value_inference(overwrite_output=True)
