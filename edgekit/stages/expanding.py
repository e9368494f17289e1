"""What a compressed Core ML package holds: each weight as it is executed, and the bytes it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgekit.export.coreml_compress import expanding_suffix, parameter_key, stored_name
from edgekit.types import LayerPrecision

if TYPE_CHECKING:
    import numpy as np

_RECORD_BYTES = 64  # header and alignment of one tensor in the weight file


@dataclass(frozen=True, slots=True)
class Expanded:
    """A compressed weight: what the model computes with, and what it takes on disk."""

    name: str
    value: np.ndarray  # float32, decompressed
    stored_bytes: int


def expanded(package: Any, layers: Sequence[LayerPrecision]) -> Iterator[Expanded]:
    """The compressed weights of a coremltools `MLModel`, one after another, as edgekit.mil executes them."""
    from edgekit import mil
    from edgekit.mil.constants import Constants

    program = mil.load(package.package_path).program
    variables = {
        parameter_key(op.outputs[-1].name): op.outputs[-1]
        for op in program.operations
        if op.op_type.startswith("constexpr_")
    }
    for layer in layers:
        var = variables[stored_name(layer.name) + expanding_suffix(layer.scheme)]
        stored = _stored_bytes(var)  # first: large constants leave the program once they are used
        yield Expanded(layer.name, Constants()(var).numpy(), stored)


def _stored_bytes(var: Any) -> int:
    """Bytes of the constants behind a variable, each once, as the weight file holds them."""
    leaves = {id(leaf): leaf for leaf in _leaves(var) if hasattr(leaf.val, "size")}
    whole = [-(-leaf.val.size * leaf.dtype.get_bitwidth() // 8) for leaf in leaves.values()]
    return sum(-(-count // _RECORD_BYTES) * _RECORD_BYTES + _RECORD_BYTES for count in whole)


def _leaves(var: Any) -> Iterator[Any]:
    if var.op.op_type == "const":
        yield var
    else:
        for given in var.op.inputs.values():
            if given is not None:
                yield from _leaves(given)
