"""Bytes: of activations that live at once, and of what must cross the memory bus at least once."""

from __future__ import annotations

import math
from typing import Any

from edgekit.advice.program import computed, extents, size_bytes, sources, walk
from edgekit.advice.scene import Scene
from edgekit.advice.weights import Weight

PARTLY_READ = ("gather", "gather_along_axis", "slice_by_index", "slice_by_size")


def live_bytes(function: Any) -> int:
    """The most bytes of activations alive at once, if every operation writes its result, without padding.

    What is alive inside nested blocks is not looked at; values of unknown shape count nothing.
    """
    operations = [op for op in function.operations if any(computed(var) for var in op.outputs)]
    last: dict[int, int] = {id(var): len(operations) for var in function.outputs}
    for index, op in enumerate(operations):
        for reader in (op, *(inner for block in op.blocks for inner in walk(block))):
            for var in sources(reader):
                last[id(var)] = max(index, last.get(id(var), 0))
    alive = {id(var): size_bytes(var) or 0 for var in function.inputs.values()}
    most = 0
    for index, op in enumerate(operations):
        alive |= {id(var): size_bytes(var) or 0 for var in op.outputs if computed(var)}
        most = max(most, sum(alive.values()))
        alive = {key: size for key, size in alive.items() if last.get(key, -1) > index}
    return most


def state_bytes(scene: Scene) -> int:
    """Bytes that the function's states hold between predictions."""
    return sum(size_bytes(scene.function.inputs[name]) or 0 for name in scene.model.description.states)


def least_traffic_bytes(scene: Scene) -> int:
    """Bytes that one prediction moves at least, when nothing is left on chip from the one before.

    Weights as stored, each once, and of a table that is only looked up or cut the part that is read; inputs
    and outputs. Activations may stay on chip, so they don't count; nor do states, of which a program may
    touch a part; nor what only `cond` and `while_loop` read.
    """
    edges = [*scene.function.inputs.values(), *scene.function.outputs]
    moved = sum(size_bytes(var) or 0 for var in edges if var.name not in scene.model.description.states)
    return moved + sum(_read(weight, scene.function) for weight in scene.weights)


def _read(weight: Weight, function: Any) -> int:
    readers = [op for op in weight.readers if op.enclosing_block is function]
    if not readers:
        return 0
    if any(op.op_type not in PARTLY_READ or op.inputs["x"].op is not weight.op for op in readers):
        return weight.stored_bytes
    # Tables looked up twice at the same place are read once: only the largest part is sure.
    parts = [math.prod(extents(op.outputs[0]) or (0,)) for op in readers]
    return min(weight.stored_bytes, max(parts) * weight.stored_bytes // math.prod(weight.shape))
