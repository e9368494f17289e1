"""Rules on shapes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from edgekit.advice.program import FLOATS, bits, dtype, extents
from edgekit.advice.rules.rule import Found, found, named
from edgekit.advice.scene import Scene
from edgekit.files import human

MAX_RANK = 5
MAX_EXTENT = 16384
ALIGNED_BYTES = 64
WASTE_BYTES = 1024  # of one tensor; less is not worth a change


def rank(scene: Scene) -> Found | None:
    """Results of rank above 5."""
    return found(op for op in scene.operations if any(len(s) > MAX_RANK for _, s in _tensors(op)))


def ranges(scene: Scene) -> Found | None:
    """Inputs that take a range of shapes."""
    return named(
        ("input", feature.name)
        for feature in scene.model.inputs.values()
        if any(low != high for low, high in feature.ranges)
    )


def unknown(scene: Scene) -> Found | None:
    """Results whose shape depends on values, even when the inputs' shapes are fixed."""
    from coremltools.converters.mil.mil import types

    return found(
        op
        for op in scene.operations
        if any(types.is_tensor(var.sym_type) and extents(var) is None for var in op.outputs)
    )


def long_axis(scene: Scene) -> Found | None:
    """Results with an axis above 16384."""
    return found(op for op in scene.operations if any(e > MAX_EXTENT for _, s in _tensors(op) for e in s))


def batch(scene: Scene) -> Found | None:
    """Inputs whose first of several axes is above 1."""
    hits = []
    for name in scene.model.inputs:
        shape = extents(scene.function.inputs[name])
        if shape is not None and len(shape) > 1 and shape[0] > 1:
            hits.append(("input", name))
    return named(hits)


def last_axis(scene: Scene) -> Found | None:
    """Activations whose last axis is no multiple of 64 bytes, with the bytes that padding adds."""
    wasted: list[tuple[int, Any]] = []
    for op in scene.operations:
        waste = sum(padding_bytes(var, shape) for var, shape in _tensors(op))
        if waste >= WASTE_BYTES:
            wasted.append((waste, op))
    wasted.sort(key=lambda pair: -pair[0])
    return found(
        (op for _, op in wasted), f"{human(sum(w for w, _ in wasted))} of padding over the whole program"
    )


def padding_bytes(var: Any, shape: tuple[int, ...]) -> int:
    """Bytes that padding the last axis to 64 bytes adds to a float tensor of rank 2 or more."""
    if len(shape) < 2 or dtype(var) not in FLOATS:
        return 0
    row = shape[-1] * (bits(var) or 0) // 8
    return -row % ALIGNED_BYTES * math.prod(shape[:-1])


def _tensors(op: Any) -> Iterator[tuple[Any, tuple[int, ...]]]:
    for var in op.outputs:
        shape = extents(var)
        if shape is not None:
            yield var, shape
