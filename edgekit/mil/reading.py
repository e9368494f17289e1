"""coremltools' program loader, kept from copying weights and from computing what nobody asked for.

It copies each weight three times; large plain ones are maps of their file here, read when first needed. And
it evaluates every operation on constants; a damaged or malicious package could have it make a tensor of any
size, so that large results are left to the executor.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.mil.package import weight_record

MAP_ABOVE_BYTES = 1 << 16
FOLD_UP_TO_ELEMENTS = 1 << 16
PLAIN = {
    "FLOAT16": np.float16, "FLOAT32": np.float32, "INT8": np.int8, "UINT8": np.uint8,
    "INT16": np.int16, "UINT16": np.uint16, "INT32": np.int32,
}  # fmt: skip


def read_program(spec: Any, weights: Path | None) -> Any:
    """The pymil Program of a checked model proto. Large weights are read-only maps of the weight file.

    Raises:
        Whatever coremltools does on a program that it can't read.
    """
    from coremltools.converters.mil.frontend.milproto import load as milproto

    with _adapted(milproto):
        return milproto.load(spec, spec.specificationVersion, str(weights or ""))


_lock = threading.Lock()


@contextlib.contextmanager
def _adapted(milproto: Any) -> Iterator[None]:
    """Puts these functions before coremltools' own, for this thread."""
    from coremltools.converters.mil.frontend.milproto import helper
    from coremltools.converters.mil.mil import Operation
    from coremltools.converters.mil.mil.program import get_new_variadic_symbol

    reader = threading.get_ident()
    with _lock:
        load_value, auto_val = milproto._load_value, Operation._auto_val
        proto_dim = helper.get_proto_dim

        def dimension(dim: Any) -> Any:
            # The type of a `fill` whose shape has no known length: coremltools writes it, but reads none.
            return get_new_variadic_symbol() if dim.unknown.variadic else proto_dim(dim)

        def mapped_value(context: Any, value: Any) -> Any:
            mapped = _map(context, value) if threading.get_ident() == reader else None
            return load_value(context, value) if mapped is None else mapped

        def bounded_value(operation: Any, output_types: Any) -> Any:
            if threading.get_ident() == reader and operation.op_type != "const" and _large(output_types):
                return tuple(None for _ in output_types)
            return auto_val(operation, output_types)

        milproto._load_value, Operation._auto_val = mapped_value, bounded_value
        helper.get_proto_dim = dimension
        try:
            yield
        finally:
            milproto._load_value, Operation._auto_val = load_value, auto_val
            helper.get_proto_dim = proto_dim


def _map(context: Any, value: Any) -> np.ndarray | None:
    """A large plain weight as a map of its file; None when it is neither."""
    from coremltools.proto import MIL_pb2

    if value.WhichOneof("value") != "blobFileValue" or value.type.WhichOneof("type") != "tensorType":
        return None
    tensor = value.type.tensorType
    dtype = PLAIN.get(MIL_pb2.DataType.Name(tensor.dataType))
    path = Path(context.weights_dir) / value.blobFileValue.fileName.rsplit("/", maxsplit=1)[-1]
    record = weight_record(path, value.blobFileValue.offset)
    if dtype is None or record is None or record.size < MAP_ABOVE_BYTES:
        return None
    shape = tuple(dimension.constant.size for dimension in tensor.dimensions)
    return np.asarray(np.memmap(path, dtype, mode="r", offset=record.offset, shape=shape))


def _large(output_types: Any) -> bool:
    from coremltools.converters.mil.mil import types

    return any(
        types.is_tensor(kind)
        and all(isinstance(extent, int | np.integer) for extent in kind.get_shape())
        and math.prod(map(int, kind.get_shape())) > FOLD_UP_TO_ELEMENTS
        for kind in output_types
    )
