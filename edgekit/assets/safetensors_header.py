"""Checks a safetensors file by its header alone: no tensor is read, and nothing heavy is imported.

The layout: 8 bytes little-endian header length, a JSON header, then the tensors' bytes without gaps
(https://huggingface.co/docs/safetensors).
"""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

from edgekit.errors import AssetError

_MAX_HEADER = 100_000_000  # bytes; the format's own limit
_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


def tensor_names(path: Path) -> frozenset[str]:
    """Names of the tensors in a safetensors file, after checking that the header fits the file.

    Raises:
        AssetError: truncated, oversized, overlapping or otherwise damaged; names the file and both sizes.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8:
            raise _damaged(path, f"it has {size} bytes, and the header's length alone takes 8")
        if length > _MAX_HEADER:
            raise _damaged(path, f"its header claims {length:,} bytes; the format allows {_MAX_HEADER:,}")
        if 8 + length > size:
            raise _damaged(path, f"its header needs {8 + length:,} bytes and the file has {size:,}")
        header = _parse(path, stream.read(length))
    header.pop("__metadata__", None)
    spans = sorted(_span(path, name, tensor) for name, tensor in header.items())
    expected = 8 + length + max((end for _, end, _ in spans), default=0)
    if expected != size:
        state = "is truncated" if size < expected else "is too long"
        raise _damaged(path, f"it {state}: expected {expected:,} bytes, found {size:,}")
    if spans and spans[0][0] != 0:
        raise _damaged(path, f"tensor {spans[0][2]!r} leaves {spans[0][0]:,} bytes before it unused")
    for (_, end, name), (start, _, following) in itertools.pairwise(spans):
        if start != end:
            what = "overlap" if start < end else "leave a gap between them"
            raise _damaged(path, f"tensors {name!r} and {following!r} {what}")
    return frozenset(header)


def _parse(path: Path, raw: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a name appears twice")
        return dict(pairs)

    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its header is not valid JSON ({error})") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not a JSON object")
    return header


def _span(path: Path, name: str, tensor: Any) -> tuple[int, int, str]:
    """First and last byte offset of a tensor, with its name; checked against shape and dtype."""
    match tensor:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(end)]}:
            pass
        case _:
            raise _damaged(path, f"tensor {name!r} lacks dtype, shape or data_offsets")
    if dtype not in _BITS or not all(type(n) is int and n >= 0 for n in shape):
        raise _damaged(path, f"tensor {name!r} has dtype {dtype!r} and shape {shape}, which can't be read")
    expected = math.prod(shape) * _BITS[dtype] // 8
    if not 0 <= start <= end or end - start != expected:
        raise _damaged(path, f"tensor {name!r} spans {end - start:,} bytes; its shape needs {expected:,}")
    return start, end, name


def _damaged(path: Path, reason: str) -> AssetError:
    return AssetError(
        f"{path.name} is not a whole safetensors file: {reason}.",
        remedy=f"Copy or download {path} again; its size on the source shows whether it is complete.",
    )
