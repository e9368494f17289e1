"""Compressed constants to held float32, a piece at a time.

coremltools' own `decompress` keeps several copies of the whole weight, and repeats a look-up table for each
of its elements: hundreds of bytes where the result has four.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

PIECE_ELEMENTS = 1 << 18

Inputs = Mapping[str, Any]  # parameter name → stored numpy value, or None
Filler = Callable[[np.ndarray, Inputs, Callable[..., np.ndarray]], None]


def filler(op: Any, inputs: Inputs) -> Filler | None:
    """How this operation's dense float32 result is filled in pieces; None: only as a whole."""
    if op.op_type == "constexpr_blockwise_shift_scale":
        return _shift_scale
    if op.op_type == "constexpr_affine_dequantize":
        return _affine
    if op.op_type == "constexpr_lut_to_dense":
        if "shape" in inputs:  # iOS16: packed indices, one table
            return _packed_look_up
        return _look_up if inputs["lut"].shape[-1] == 1 else None
    return None


def _pieces(rows: int, elements: int, block: int = 1) -> Iterator[slice]:
    """Slices of `rows` that begin at a multiple of `block` and have about PIECE_ELEMENTS elements."""
    fitting = max(1, PIECE_ELEMENTS * rows // max(1, elements))
    step = max(block, fitting - fitting % block)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _part(value: np.ndarray | None, rows: slice, block: int) -> np.ndarray | None:
    """The entries of a scale, an offset or a table that belong to these rows."""
    if value is None or value.ndim == 0 or value.shape[0] == 1:
        return value
    return value[rows.start // block : -(-rows.stop // block)]


def _shift_scale(out: np.ndarray, inputs: Inputs, decompress: Callable[..., np.ndarray]) -> None:
    data, scale, offset = inputs["data"], inputs["scale"], inputs.get("offset")
    block = len(data) // len(scale)
    for rows in _pieces(len(data), data.size, block):
        parts = _part(scale, rows, block), _part(offset, rows, block)
        out[rows] = decompress(data[rows], *parts)


def _affine(out: np.ndarray, inputs: Inputs, decompress: Callable[..., np.ndarray]) -> None:
    data, axis = inputs["quantized_data"], int(inputs["axis"])
    zero_point, scale = np.asarray(inputs["zero_point"]), np.asarray(inputs["scale"])
    for rows in _pieces(len(data), data.size):
        if axis % data.ndim == 0:
            out[rows] = decompress(data[rows], _part(zero_point, rows, 1), _part(scale, rows, 1), axis)
        else:
            out[rows] = decompress(data[rows], zero_point, scale, axis)


def _packed_look_up(out: np.ndarray, inputs: Inputs, decompress: Callable[..., np.ndarray]) -> None:
    lut, indices = inputs["lut"], inputs["indices"]
    bits = int(math.log2(lut.size))
    flat = out.reshape(-1)
    for some in _pieces(flat.size, flat.size, 8):  # 8 indices end at a whole byte
        packed = indices[some.start * bits // 8 : -(-some.stop * bits // 8)]
        flat[some] = decompress(lut, packed, (some.stop - some.start,))


def _look_up(out: np.ndarray, inputs: Inputs, decompress: Callable[..., np.ndarray]) -> None:
    """out[i…] = lut[i // block…, indices[i…], 0], one table per block of the weight."""
    indices, lut = inputs["indices"], inputs["lut"]
    tables = lut[..., 0].astype(np.float32)
    block = [n // groups for n, groups in zip(indices.shape, lut.shape, strict=False)]
    for group in np.ndindex(*lut.shape[:-2]):
        where = tuple(slice(g * n, (g + 1) * n) for g, n in zip(group, block, strict=True))
        target, chosen = out[where], indices[where]
        for rows in _pieces(len(chosen), chosen.size):
            target[rows] = tables[group][chosen[rows]]
