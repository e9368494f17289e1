"""Checks a program before coremltools parses it: unknown operations, and weights that aren't there."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError
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
DAMAGED = "Copy or convert the package again: it is damaged or was not written completely."


def check(program: Any, weights: Path | None, name: str) -> None:
    """Checks the functions of a MIL program proto.

    Raises:
        ModelError: an operation is not known here (its type, name and place are told), a weight lies outside
            its file or has another size than declared, or a tensor is too large for any device.
    """
    files: dict[str, _Blob] = {}
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
                _check_weight(value, weights, files, f"{name}: a weight of {_name(op)!r} ({where})")


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


class _Blob:
    """A weight file: records of 64 bytes that say where the data lies."""

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        self._path = path

    def record(self, offset: int) -> tuple[int, int, int, int] | None:
        with self._path.open("rb") as stream:
            stream.seek(offset)
            found = stream.read(RECORD.size)
        return RECORD.unpack(found) if len(found) == RECORD.size else None


def _check_weight(value: Any, weights: Path | None, files: dict[str, _Blob], what: str) -> None:
    if value.WhichOneof("value") != "blobFileValue":
        return
    file_name = value.blobFileValue.fileName.rsplit("/", maxsplit=1)[-1]
    if file_name not in files:
        if weights is None or not (weights / file_name).is_file():
            raise ModelError(f"{what} is in {file_name!r}, which the package lacks.", remedy=DAMAGED)
        files[file_name] = _Blob(weights / file_name)
    blob = files[file_name]
    offset = value.blobFileValue.offset
    record = blob.record(offset) if offset < blob.size else None
    if record is None or record[0] != SENTINEL or record[3] + record[2] > blob.size:
        raise ModelError(f"{what} lies outside {file_name!r}.", remedy=DAMAGED)
    declared = _declared_bytes(value.type.tensorType)
    if declared is not None and declared != record[2]:
        raise ModelError(f"{what} has {record[2]} bytes where {declared} are declared.", remedy=DAMAGED)


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
