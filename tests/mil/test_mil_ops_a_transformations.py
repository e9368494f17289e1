"""Reshaping, block moving and slicing kernels against numpy, torch and hand-computed values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import ModelError
from edgekit.mil.call import Call, Value
from edgekit.mil.ops import OPS

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)


def run(op_type: str, **inputs: Any) -> Value:
    """Runs one kernel alone; arrays go in as tensors."""
    values = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in inputs.items()}
    op = SimpleNamespace(op_type=op_type, name=f"{op_type}_0")
    return OPS[op_type](Call(op, values, (), lambda block, given: (), {}, torch.Generator()))


def same(actual: torch.Tensor, expected: Any) -> None:
    expected = np.asarray(expected)
    assert tuple(actual.shape) == expected.shape
    np.testing.assert_array_equal(actual.numpy(), expected)


def counted(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize(
    ("source", "shape", "expected"),
    [
        ((2, 3, 4), [0, -1], None),  # iOS17: 0 counts from the last axis, here 3
        ((2, 3, 4), [0, -1, 0], (2, 3, 4)),
        ((2, 50), [1, 0, -1, 0], (1, 1, 2, 50)),  # the documentation's example
        ((6, 4), [-1], (24,)),
        ((1,), [], ()),
        ((), [1, 1], (1, 1)),
        ((0, 3), [0, 3], (0, 3)),
    ],
)
def test_reshape(source: tuple[int, ...], shape: list[int], expected: tuple[int, ...] | None) -> None:
    x = counted(*source)
    result = run("reshape", x=x, shape=np.array(shape, np.int32))
    same(result, x.reshape(expected if expected is not None else (3, 8)))


@pytest.mark.parametrize("shape", [[5], [-1, 4], [-1, -1], [-2, 3]])
def test_an_impossible_reshape_names_both_shapes(shape: list[int]) -> None:
    with pytest.raises(ModelError, match=r"reshape_0.*\(2, 3\)"):
        run("reshape", x=counted(2, 3), shape=np.array(shape, np.int32))


def test_reshape_like_joins_parts_of_shapes() -> None:
    references = (torch.zeros(2, 3, 4), torch.zeros(1, 5, 6))
    x = counted(30, 6)
    shaped = run(
        "reshape_like", x=x, ref_tensors=references, begins=(0, 1), ends=(2, 0), end_masks=(False, True)
    )
    same(shaped, x.reshape(2, 3, 5, 6))


def test_axes_of_length_one() -> None:
    x = counted(2, 3)
    same(run("expand_dims", x=x, axes=np.array([0, -1], np.int32)), x.reshape(1, 2, 3, 1))
    same(run("expand_dims", x=1.5, axes=[0]), [1.5])
    y = counted(1, 2, 1, 3)
    same(run("squeeze", x=y), x)
    same(run("squeeze", x=y, axes=[-2]), y.reshape(1, 2, 3))
    same(run("squeeze", x=y, axes=[0, 1]), y.reshape(2, 1, 3))  # axis 1 is longer than 1 and stays
    same(run("transpose", x=y, perm=[3, -2, 0, 1]), y.transpose(3, 2, 0, 1))


def test_depth_to_space_and_pixel_shuffle_differ() -> None:
    x = np.arange(8, dtype=np.float32).reshape(1, 8, 1, 1)
    # depth_to_space takes the channel last, pixel_shuffle first.
    same(run("depth_to_space", x=x, block_size=2), [[[[0, 2], [4, 6]], [[1, 3], [5, 7]]]])
    same(run("pixel_shuffle", x=x, upscale_factor=2), [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]])


@pytest.mark.parametrize(
    ("there", "back", "argument"),
    [
        ("depth_to_space", "space_to_depth", ("block_size", "block_size")),
        ("pixel_shuffle", "pixel_unshuffle", ("upscale_factor", "downscale_factor")),
    ],
)
def test_blocks_come_back(there: str, back: str, argument: tuple[str, str]) -> None:
    x = counted(2, 18, 2, 3)
    moved = run(there, x=x, **{argument[0]: 3})
    assert tuple(moved.shape) == (2, 2, 6, 9)
    same(run(back, x=moved.numpy(), **{argument[1]: 3}), x)


def test_space_to_batch_and_back() -> None:
    x = counted(1, 1, 2, 3)
    block, paddings = np.array([2, 2], np.int32), np.array([[0, 0], [1, 0]], np.int32)
    batched = run("space_to_batch", x=x, block_shape=block, paddings=paddings)
    same(batched, [[[[0, 1]]], [[[0, 2]]], [[[0, 4]]], [[[3, 5]]]])
    same(run("batch_to_space", x=batched.numpy(), block_shape=block, crops=paddings), x)


def test_reverse_and_reverse_sequence() -> None:
    x = counted(2, 3)
    same(run("reverse", x=x), x[::-1, ::-1])
    same(run("reverse", x=x, axes=[-1]), x[:, ::-1])
    lengths = np.array([2, 3], np.int32)
    same(run("reverse_sequence", x=x, lengths=lengths, seq_axis=1, batch_axis=0), [[1, 0, 2], [5, 4, 3]])
    across = run("reverse_sequence", x=x.T.copy(), lengths=lengths, seq_axis=0, batch_axis=-1)
    same(across, np.transpose([[1, 0, 2], [5, 4, 3]]))


def test_sliding_windows() -> None:
    x = counted(5, 2)
    windows = run("sliding_windows", x=x, axis=0, size=3, stride=2)
    same(windows, np.stack([x[0:3], x[2:5]]))
    assert tuple(run("sliding_windows", x=x, axis=-1, size=2).shape) == (5, 1, 2)


@st.composite
def slicings(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, np.ndarray], tuple[Any, ...]]:
    """A tensor, the arguments of a slice of it, and the same slice in numpy's words."""
    x = counted(*draw(SHAPES))
    columns: dict[str, list[Any]] = {
        name: [] for name in ("begin", "end", "stride", "begin_mask", "end_mask", "squeeze_mask")
    }
    index: list[Any] = []
    for size in x.shape:
        begin, end = draw(st.integers(-size, size - 1)), draw(st.integers(-size - 1, size + 1))
        stride = draw(st.sampled_from([1, 1, 2, -1, -2]))
        masks = draw(st.booleans()), draw(st.booleans()), draw(st.integers(0, 4)) == 0
        for column, value in zip(columns.values(), (begin, end, stride, *masks), strict=True):
            column.append(value)
        if masks[2]:
            index.append(0 if masks[0] else begin)
        else:
            index.append(slice(None if masks[0] else begin, None if masks[1] else end, stride))
    arguments = {
        name: np.array(column, bool if "mask" in name else np.int32) for name, column in columns.items()
    }
    return x, arguments, tuple(index)


@settings(max_examples=150, deadline=None)
@given(slicing=slicings())
def test_slices_are_numpys(slicing: tuple[np.ndarray, dict[str, np.ndarray], tuple[Any, ...]]) -> None:
    x, arguments, index = slicing
    taken = x[index]
    same(run("slice_by_index", x=x, **arguments), taken)
    update = np.asarray(-1 - counted(*taken.shape)).reshape(taken.shape)
    expected = x.copy()
    expected[index] = update
    before = x.copy()
    same(run("slice_update", x=x, update=update, **arguments), expected)
    np.testing.assert_array_equal(x, before)


def test_slice_by_index_by_hand() -> None:
    x = counted(2, 3, 4)
    rows = run("slice_by_index", x=x, begin=[1, 0, -2], end=[2, 3, 0], end_mask=[False, False, True])
    same(rows, x[1:2, 0:3, -2:])
    one = run("slice_by_index", x=x, begin=[-1, 0, 0], end=[0, 1, 4], squeeze_mask=[True, True, False])
    same(one, x[1, 0])
    with pytest.raises(ModelError, match=r"slice_by_index_0.*stride"):
        run("slice_by_index", x=x, begin=[0, 0, 0], end=[1, 1, 1], stride=[1, 0, 1])
    with pytest.raises(ModelError, match="index 2 on an axis of length 2"):
        run("slice_by_index", x=x, begin=[2, 0, 0], end=[3, 1, 1], squeeze_mask=[True, False, False])


def test_slice_by_size() -> None:
    x = counted(2, 3, 4)
    same(run("slice_by_size", x=x, begin=[1, -2, 0], size=[1, -1, 3]), x[1:2, 1:, :3])
    with pytest.raises(ModelError, match="size 3 on an axis of length 3"):
        run("slice_by_size", x=x, begin=[0, 1, 0], size=[1, 3, 1])
