"""The stored constants of a program: what each takes on disk, and what it takes as a dense tensor."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgekit.advice.program import bits, extents, sources
from edgekit.mil.constants import is_constant

SMALLEST = 64  # elements; below are axes, shapes and other settings of operations
WORTH_SHARING_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Weight:
    """One tensor that the program stores, plain or compressed."""

    name: str
    shape: tuple[int, ...]
    form: str  # "const", or the constexpr operation that expands it
    stored_bytes: int
    dense_bytes: int
    readers: tuple[Any, ...]  # the operations that read it
    op: Any  # the operation that makes it


def weights(operations: Iterable[Any]) -> tuple[Weight, ...]:
    """The constants of 64 elements or more that operations read, each once."""
    found: dict[int, Any] = {}
    readers: dict[int, list[Any]] = {}
    for op in operations:
        for var in sources(op):
            if is_constant(var):
                found[id(var)] = var
                readers.setdefault(id(var), []).append(op)
    made = []
    for key, var in found.items():
        shape, width = extents(var), bits(var)
        if shape is None or width is None or math.prod(shape) < SMALLEST:
            continue
        dense = math.ceil(math.prod(shape) * width / 8)
        stored = sum(_bytes(leaf) for leaf in _leaves(var))
        made.append(Weight(var.name, shape, var.op.op_type, stored, dense, tuple(readers[key]), var.op))
    return tuple(made)


def _leaves(var: Any) -> list[Any]:
    """The plain constants that a weight is stored as, each once."""
    unique = {id(leaf): leaf for leaf in _walk(var)}
    return list(unique.values())


def _walk(var: Any) -> Iterator[Any]:
    if var.op.op_type == "const":
        yield var
    else:
        for given in sources(var.op):
            if is_constant(given):
                yield from _walk(given)


def _bytes(leaf: Any) -> int:
    shape, width = extents(leaf), bits(leaf)
    return 0 if shape is None or width is None else math.ceil(math.prod(shape) * width / 8)


def stored_bytes(found: Iterable[Weight]) -> int:
    """Bytes of all plain constants behind the weights, one shared by several counted once."""
    leaves = {id(leaf): leaf for weight in found for leaf in _leaves(weight.op.outputs[0])}
    return sum(_bytes(leaf) for leaf in leaves.values())


def duplicates(found: Iterable[Weight]) -> list[tuple[str, int, list[Weight]]]:
    """Groups of dense weights with the same bytes: first name, bytes that the others take, all of them.

    What is under 1 kB is not worth sharing, and left out.
    """
    same_size: dict[tuple[Any, ...], list[Weight]] = {}
    for weight in found:
        if weight.form == "const" and weight.stored_bytes >= WORTH_SHARING_BYTES:
            key = (weight.shape, weight.op.outputs[0].val.dtype.str)
            same_size.setdefault(key, []).append(weight)
    groups: dict[tuple[Any, ...], list[Weight]] = {}
    for key, candidates in same_size.items():
        for weight in candidates if len(candidates) > 1 else ():
            digest = hashlib.blake2b(np.ascontiguousarray(weight.op.outputs[0].val).data).digest()
            groups.setdefault((*key, digest), []).append(weight)
    return [
        (group[0].name, sum(w.stored_bytes for w in group[1:]), group)
        for group in groups.values()
        if len(group) > 1
    ]
