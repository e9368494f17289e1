"""Compressed weights filled piece by piece are, bit for bit, what coremltools decompresses as a whole."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil.mil.ops.defs.iOS16 import constexpr_ops as older
from coremltools.converters.mil.mil.ops.defs.iOS18 import compression as newer
from coremltools.optimize import _utils as packing
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.mil import decompress

EXAMPLES = 300 if settings.get_current_profile_name() == "search" else 30


@pytest.fixture(autouse=True, scope="module")
def small_pieces() -> Any:
    """Pieces of a few rows, so that small weights have several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decompress, "PIECE_ELEMENTS", 16)
        yield


def filled(kind: Any, shape: tuple[int, ...], inputs: dict[str, Any]) -> np.ndarray:
    op = SimpleNamespace(op_type=kind.__name__)
    fill = decompress.filler(op, inputs)
    assert fill is not None
    out = np.full(shape, np.nan, np.float32)
    fill(out, inputs, kind.decompress)
    return out


@st.composite
def blocked(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], np.random.Generator]:
    """A weight's shape, how many blocks it has along each axis, and a source of numbers."""
    groups = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)))
    shape = tuple(n * draw(st.integers(1, 5)) for n in groups)
    return shape, groups, np.random.default_rng(draw(st.integers(0, 1 << 16)))


@settings(max_examples=EXAMPLES)
@given(weight=blocked(), offset=st.booleans())
def test_blockwise_scales(weight: Any, offset: bool) -> None:
    shape, groups, random = weight
    inputs = {
        "data": random.integers(-128, 128, shape).astype(np.int8),
        "scale": random.normal(size=groups).astype(np.float16),
        "offset": random.integers(-9, 9, groups).astype(np.int8) if offset else None,
    }
    kind = newer.constexpr_blockwise_shift_scale
    np.testing.assert_array_equal(filled(kind, shape, inputs), kind.decompress(**inputs).astype(np.float32))


@settings(max_examples=EXAMPLES)
@given(weight=blocked(), bits=st.integers(1, 6))
def test_look_up_tables(weight: Any, bits: int) -> None:
    shape, groups, random = weight
    inputs = {
        "indices": random.integers(0, 2**bits, shape).astype(np.uint8),
        "lut": random.normal(size=(*groups, 2**bits, 1)).astype(np.float16),
        "vector_axis": None,
    }
    kind = newer.constexpr_lut_to_dense
    np.testing.assert_array_equal(filled(kind, shape, inputs), kind.decompress(**inputs).astype(np.float32))


@settings(max_examples=EXAMPLES)
@given(weight=blocked(), bits=st.sampled_from([1, 2, 4, 6, 8]))
def test_packed_look_up_tables(weight: Any, bits: int) -> None:
    shape, _, random = weight
    indices = random.integers(0, 2**bits, int(np.prod(shape))).astype(np.uint8)
    inputs = {
        "lut": random.normal(size=2**bits).astype(np.float16),
        "indices": packing.pack_elements_into_bits(indices, bits),
        "shape": np.array(shape, np.uint32),
    }
    kind = older.constexpr_lut_to_dense
    np.testing.assert_array_equal(filled(kind, shape, inputs), kind.decompress(**inputs).astype(np.float32))


@settings(max_examples=EXAMPLES)
@given(weight=blocked(), per_channel=st.booleans(), where=st.integers(0, 3))
def test_affine_weights(weight: Any, per_channel: bool, where: int) -> None:
    shape, _, random = weight
    axis = where % len(shape)
    channels = (shape[axis],) if per_channel else ()
    inputs = {
        "quantized_data": random.integers(-128, 128, shape).astype(np.int8),
        "zero_point": random.integers(-9, 9, channels).astype(np.int8),
        "scale": random.normal(size=channels).astype(np.float16),
        "axis": axis,
    }
    kind = older.constexpr_affine_dequantize
    inputs = {k: np.asarray(v)[()] if k in ("zero_point", "scale") else v for k, v in inputs.items()}
    np.testing.assert_array_equal(filled(kind, shape, inputs), kind.decompress(**inputs).astype(np.float32))
