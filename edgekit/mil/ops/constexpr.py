"""Compressed constants (`constexpr_*`, iOS16 to iOS18): the dense weights that they stand for.

These kernels see and return numpy arrays as stored, not held tensors: the width of a 4-bit index and the
half-precision of a scale are part of what they mean. The arithmetic is coremltools' own, one `decompress` per
operation class and generation.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from edgekit.mil.call import Call, Kernel


def decompress(call: Call) -> Any:
    """Calls the operation class's own `decompress` with the inputs that it names; an absent one is None."""
    function = type(call.op).decompress
    return function(**{name: call[name] for name in inspect.signature(function).parameters})


def cast(call: Call) -> np.ndarray:
    """`constexpr_cast`: half precision to single, the only pair that the format knows."""
    return np.asarray(call["source_val"], dtype=np.float32)


OPS: dict[str, Kernel] = {
    "constexpr_affine_dequantize": decompress,
    "constexpr_blockwise_shift_scale": decompress,
    "constexpr_cast": cast,
    "constexpr_lut_to_dense": decompress,
    "constexpr_lut_to_sparse": decompress,
    "constexpr_sparse_blockwise_shift_scale": decompress,
    "constexpr_sparse_to_dense": decompress,
}
