"""Checks a program before coremltools parses it: unknown operations, and weights that aren't there."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from edgekit.errors import ModelError
from edgekit.mil.describe import FunctionDescription
from edgekit.mil.layout import DAMAGED
from edgekit.mil.ops import OPS

REBUILT = frozenset({"const", "write_state"})  # what the loader turns into something else
SENTINEL = 0xDEADBEEF
MAX_ELEMENTS = 1 << 31  # 8 GB held; a larger tensor is damage, not a model for a phone
RECORD = struct.Struct("<IIQQ")  # sentinel, element type, bytes, offset
BITS = {
    "BOOL": 8, "FLOAT16": 16, "FLOAT32": 32, "FLOAT64": 64, "BFLOAT16": 16,
    "INT4": 4, "INT8": 8, "INT16": 16, "INT32": 32, "INT64": 64,
    "UINT1": 1, "UINT2": 2, "UINT3": 3, "UINT4": 4, "UINT6": 6, "UINT8": 8, "UINT16": 16, "UINT32": 32,
    "UINT64": 64,
}  # fmt: skip
TYPES = frozenset({"float16", "float32", "float64", "int32", "int8", "uint8"})  # of inputs and states


class Record(NamedTuple):
    """What a weight file says of one weight."""

    sentinel: int
    element_type: int
    size: int  # bytes
    offset: int  # of the data, from the start of the file


def weight_record(path: Path, offset: int) -> Record | None:
    """The record at `offset`; None when it, or the data that it points to, isn't in the file."""
    length = path.stat().st_size
    if offset + RECORD.size > length:
        return None
    with path.open("rb") as stream:
        stream.seek(offset)
        record = Record(*RECORD.unpack(stream.read(RECORD.size)))
    return record if record.sentinel == SENTINEL and record.offset + record.size <= length else None


def check(program: Any, weights: Path | None, name: str) -> None:
    """Checks the functions of a MIL program proto.

    Raises:
        ModelError: an operation is not known here (its type, name and place are told), a weight lies outside
            its file or has another size than declared, or a tensor is too large for any device.
    """
    for function_name, function in program.functions.items():
        block = function.block_specializations.get(function.opset)
        if block is None:
            raise ModelError(f"{name}: the function {function_name!r} has no program.", remedy=DAMAGED)
        for op, where in _operations(block, function_name):
            if op.type not in OPS and op.type not in REBUILT:
                raise _unknown(op, where)
            for output in op.outputs:
                if math.prod(_extents(output.type.tensorType)) > MAX_ELEMENTS:
                    raise ModelError(
                        f"{name}: {output.name!r} ({where}) is impossibly large.", remedy=DAMAGED
                    )
            for value in _values(op):
                _check_weight(value, weights, f"{name}: a weight of {_name(op)!r} ({where})")


def check_interface(program: Any, function: FunctionDescription, name: str) -> None:
    """Checks what a function says of its inputs and states, which are made without looking at the program.

    Raises:
        ModelError: an input of the program is not described, a shape is negative or too large for any device,
            or a type is none.
    """
    for entry in program.functions[function.name].inputs:
        if entry.name not in function.inputs and entry.name not in function.states:
            raise ModelError(f"{name} doesn't describe its input {entry.name!r}.", remedy=DAMAGED)
    for feature in (*function.inputs.values(), *function.states.values()):
        sizes = feature.shape
        if any(size < 0 for size in sizes) or math.prod(sizes) > MAX_ELEMENTS:
            raise ModelError(
                f"{name}: {feature.name!r} has the impossible shape {list(sizes)}.", remedy=DAMAGED
            )
        if feature.kind in ("tensor", "image") and feature.dtype not in TYPES:
            raise ModelError(f"{name}: {feature.name!r} has no known type.", remedy=DAMAGED)


def _operations(block: Any, where: str) -> Iterator[tuple[Any, str]]:
    for index, op in enumerate(block.operations, start=1):
        here = f"operation {index} of {len(block.operations)} in {where}"
        yield op, here
        for nested in op.blocks:
            yield from _operations(nested, f"{op.type} {_name(op)!r}, {here}")


def _values(op: Any) -> Iterator[Any]:
    yield from op.attributes.values()
    for argument in op.inputs.values():
        for binding in argument.arguments:
            if binding.WhichOneof("binding") == "value":
                yield binding.value


def _name(op: Any) -> str:
    given = op.attributes["name"].immediateValue.tensor.strings.values if "name" in op.attributes else []
    return given[0] if given else (op.outputs[0].name if op.outputs else op.type)


def _unknown(op: Any, where: str) -> ModelError:
    return ModelError(
        f"Operation {_name(op)!r} has the type {op.type!r}, which has no kernel here ({where}; "
        "source: not recorded in the package).",
        remedy="Run the package on a Mac, or convert the model without that operation.",
    )


def _check_weight(value: Any, weights: Path | None, what: str) -> None:
    if value.WhichOneof("value") != "blobFileValue":
        return
    file_name = value.blobFileValue.fileName.rsplit("/", maxsplit=1)[-1]
    if weights is None or "\0" in file_name or not (weights / file_name).is_file():
        raise ModelError(f"{what} is in {file_name!r}, which the package lacks.", remedy=DAMAGED)
    record = weight_record(weights / file_name, value.blobFileValue.offset)
    if record is None:
        raise ModelError(f"{what} lies outside {file_name!r}.", remedy=DAMAGED)
    declared = _declared_bytes(value.type.tensorType)
    if declared is not None and declared != record.size:
        raise ModelError(f"{what} has {record.size} bytes where {declared} are declared.", remedy=DAMAGED)


def _declared_bytes(tensor: Any) -> int | None:
    from coremltools.proto import MIL_pb2

    bits = BITS.get(MIL_pb2.DataType.Name(tensor.dataType))
    return None if bits is None else math.ceil(math.prod(_extents(tensor)) * bits / 8)


def _extents(tensor: Any) -> list[int]:
    # An unknown extent counts as 1: it says nothing of the size.
    return [
        dimension.constant.size if dimension.WhichOneof("dimension") == "constant" else 1
        for dimension in tensor.dimensions
    ]
