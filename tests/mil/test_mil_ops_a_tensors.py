"""Kernels that make, join, order, read and write tensors, against numpy and hand-computed values."""

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
    np.testing.assert_allclose(actual.numpy(), expected, atol=1e-5, rtol=1e-5)


def counted(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("lower", [-1, 0, 1])
@pytest.mark.parametrize("upper", [-1, 0, 2])
def test_band_part(lower: int, upper: int) -> None:
    x = counted(2, 3, 4) + 1
    m, n = np.indices((3, 4))
    inside = ((lower < 0) | (m - n <= lower)) & ((upper < 0) | (n - m <= upper))
    same(run("band_part", x=x, lower=lower, upper=upper), x * inside)


def test_band_part_leaves_no_infinity_outside() -> None:
    x = np.full((2, 2), -np.inf, np.float32)
    same(run("band_part", x=x, lower=0, upper=0), [[-np.inf, 0], [0, -np.inf]])


def test_cumsum_in_four_ways() -> None:
    x = np.array([1.0, 2.0, 4.0], np.float32)
    same(run("cumsum", x=x), [1, 3, 7])
    same(run("cumsum", x=x, exclusive=True), [0, 1, 3])
    same(run("cumsum", x=x, reverse=True), [7, 6, 4])
    same(run("cumsum", x=x, exclusive=True, reverse=True), [6, 4, 0])
    same(run("cumsum", x=counted(2, 3), axis=-1), np.cumsum(counted(2, 3), -1))


def test_fill_and_fill_like() -> None:
    same(run("fill", shape=np.array([2, 1], np.int32), value=3), [[3], [3]])
    assert run("fill", shape=np.array([1], np.int32), value=True).dtype == torch.bool
    same(run("fill_like", ref_tensor=counted(2, 2), value=0.5), np.full((2, 2), 0.5))


def test_shape_flatten_identity_and_non_zero() -> None:
    same(run("shape", x=counted(2, 1, 5)), [2, 1, 5])
    for shape, axis, expected in [
        ((3,), -1, (1, 3)),
        ((3,), 1, (3, 1)),
        ((2, 3, 2), -1, (6, 2)),
        ((5, 5, 2), 1, (5, 10)),
    ]:
        assert tuple(run("flatten2d", x=counted(*shape), axis=axis).shape) == expected
    assert run("identity", x=(1, 2)) == ((1, 2),)  # one result, which is a list
    same(run("non_zero", x=np.array([[3, 0], [0, 4]], np.float32)), [[0, 0], [1, 1]])


def test_one_hot() -> None:
    indices = np.array([1, 0, -1, 3], np.int32)
    expected = [[0, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]]
    same(run("one_hot", indices=indices, one_hot_vector_size=3), expected)
    same(run("one_hot", indices=indices, one_hot_vector_size=3, axis=0), np.transpose(expected))
    values = run("one_hot", indices=indices[:1], one_hot_vector_size=2, on_value=5.0, off_value=-1.0)
    same(values, [[-1, 5]])
    cube = run("one_hot", indices=np.array([[0, 1]], np.int32), one_hot_vector_size=2, axis=1)
    same(cube, [[[1, 0], [0, 1]]])


@pytest.mark.parametrize(("mode", "numpys"), [("reflect", "reflect"), ("replicate", "edge")])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_pad_is_numpys_in_any_rank(mode: str, numpys: Any, data: st.DataObject) -> None:
    x = counted(*data.draw(SHAPES))
    axes = data.draw(st.integers(1, x.ndim))  # only the last ones are padded
    limits = [size - 1 if mode == "reflect" else 3 for size in x.shape[-axes:]]
    amounts = [(data.draw(st.integers(0, top)), data.draw(st.integers(0, top))) for top in limits]
    expected = np.pad(x, [(0, 0)] * (x.ndim - axes) + amounts, mode=numpys)
    same(run("pad", x=x, pad=np.array(amounts, np.int32).reshape(-1), mode=mode), expected)


def test_pad_with_a_constant_goes_from_the_first_named_axis() -> None:
    padded = run("pad", x=counted(1, 2), pad=np.array([1, 0, 0, 2], np.int32), constant_val=9.0)
    same(padded, [[9, 9, 9, 9], [0, 1, 9, 9]])
    same(run("pad", x=counted(1, 2), pad=np.array([1, 0], np.int32)), [[0, 0, 1]])


def test_reflecting_further_than_the_axis_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"pad_0.*reflect"):
        run("pad", x=counted(2), pad=np.array([2, 0], np.int32), mode="reflect")


def test_range_1d() -> None:
    same(run("range_1d", start=5, end=-2, step=-3), [5, 2, -1])
    same(run("range_1d", start=0.5, end=2.0, step=0.5), [0.5, 1.0, 1.5])
    same(run("range_1d", start=torch.tensor(3), end=torch.tensor(3), step=1), np.zeros(0))
    with pytest.raises(ModelError, match="step 0"):
        run("range_1d", start=0, end=1, step=0)


def test_tile_concat_stack_split() -> None:
    x = counted(2, 2)
    same(run("tile", x=x, reps=np.array([1, 2], np.int32)), np.tile(x, (1, 2)))
    first, second = torch.from_numpy(x), torch.from_numpy(x + 10)
    same(run("concat", values=(first, second), axis=-1), np.concatenate([x, x + 10], -1))
    interleaved = run("concat", values=(first, second), axis=0, interleave=True)
    same(interleaved, [[0, 1], [10, 11], [2, 3], [12, 13]])
    same(run("concat", values=(torch.tensor(1), 2), axis=0), [1, 2])
    same(run("stack", values=(first, second), axis=-1), np.stack([x, x + 10], -1))
    pieces = run("split", x=counted(5), split_sizes=np.array([2, 3], np.int32), axis=0)
    same(pieces[0], [0, 1])
    same(pieces[1], [2, 3, 4])
    assert len(run("split", x=counted(2, 6), num_splits=3, axis=-1)) == 3
    with pytest.raises(ModelError, match="4 equal parts"):
        run("split", x=counted(6), num_splits=4, axis=0)


def test_argsort_keeps_ties_in_order() -> None:
    x = np.array([2.0, 7.0, 2.0, 5.0], np.float32)
    same(run("argsort", x=x), [1, 3, 0, 2])
    same(run("argsort", x=x, ascending=True), [0, 2, 3, 1])


@settings(max_examples=30, deadline=None)
@given(data=st.data(), ascending=st.booleans())
def test_topk_is_a_sorted_prefix(data: st.DataObject, ascending: bool) -> None:
    x = data.draw(hnp.arrays(np.int32, SHAPES, elements=st.integers(-5, 5)))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    k = data.draw(st.integers(0, x.shape[axis]))
    values, indices = run("topk", x=x, k=k, axis=axis, ascending=ascending)
    ordered = np.sort(x, axis) if ascending else -np.sort(-x, axis)
    same(values, np.take(ordered, range(k), axis))
    same(values, np.take_along_axis(x, indices.numpy(), axis))


def test_topk_of_all_and_without_indices() -> None:
    x = np.array([1.0, 3.0, 2.0], np.float32)
    same(run("topk", x=x, k=-1, return_indices=False), [3, 2, 1])
    with pytest.raises(ModelError, match="k = 4"):
        run("topk", x=x, k=4)


# Two boxes that overlap by 1/3 and one apart, in both orders of axes.
BOXES = np.array([[[0, 0, 2, 2], [1, 0, 2, 2], [9, 9, 1, 1]]], np.float32)
SCORES = np.array([[[0.9, 0.1], [0.2, 0.8], [0.3, 0.0]]], np.float32)


def test_suppression_until_ios16() -> None:
    limits = {"boxes": BOXES, "scores": SCORES, "score_threshold": 0.1, "max_boxes": 4}
    boxes, scores, indices, counts = run("non_maximum_suppression", iou_threshold=0.3, **limits)
    same(indices, [[0, 2, -1, -1]])
    same(counts, [2])
    same(boxes, [[BOXES[0, 0], BOXES[0, 2], np.zeros(4), np.zeros(4)]])
    same(scores, [[SCORES[0, 0], SCORES[0, 2], np.zeros(2), np.zeros(2)]])
    same(run("non_maximum_suppression", iou_threshold=0.34, **limits)[2], [[0, 1, 2, -1]])
    per_class = run("non_maximum_suppression", iou_threshold=0.3, per_class_suppression=True, **limits)
    same(per_class[2], [[0, 1, 2, -1]])
    limits["score_threshold"] = 2.0  # nothing passes: the best box stays
    same(run("non_maximum_suppression", iou_threshold=0.3, **limits)[2], [[0, -1, -1, -1]])


def test_suppression_from_ios17() -> None:
    boxes, scores, indices = run(
        "non_maximum_suppression",
        boxes=BOXES.swapaxes(1, 2).copy(),
        scores=SCORES.swapaxes(1, 2).copy(),
        iou_threshold=0.3,
        max_boxes=2,
    )
    same(indices, [[0, 2]])
    same(boxes, BOXES[:, [0, 2]].swapaxes(1, 2))
    same(scores, SCORES[:, [0, 2]].swapaxes(1, 2))


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_gather_is_numpys_take(data: st.DataObject) -> None:
    x = counted(*data.draw(SHAPES))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    size = x.shape[axis]
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    indices = np.asarray(data.draw(hnp.arrays(np.int32, shape, elements=st.integers(-size, size - 1))))
    same(run("gather", x=x, indices=indices, axis=axis), np.take(x, indices, axis))


def test_gather_with_batch_dims_walks_them_together() -> None:
    x, indices = counted(2, 3, 4, 5), np.array([[0, 3], [1, -1]], np.int32)
    picked = run("gather", x=x, indices=indices, axis=2, batch_dims=1)
    same(picked, np.stack([np.take(x[b], indices[b], 1) for b in range(2)]))
    nd = np.array([[[2, 1]], [[0, -1]]], np.int32)  # [B=2, 1, 2]
    same(run("gather_nd", x=x, indices=nd, batch_dims=1), [[x[0, 2, 1]], [x[1, 0, 3]]])


def test_gather_nd_and_along_axis() -> None:
    x = counted(3, 4)
    same(run("gather_nd", x=x, indices=np.array([[0, 1], [2, 3]], np.int32)), [1, 11])
    same(run("gather_nd", x=x, indices=np.array([[[2]], [[-3]]], np.int32)), [[x[2]], [x[0]]])
    indices = np.array([[0, -1, 1, 2]], np.int32)
    same(run("gather_along_axis", x=x, indices=indices, axis=0), np.take_along_axis(x, indices, 0))


def test_gather_out_of_bounds() -> None:
    x, indices = counted(3), np.array([0, 3], np.int32)
    for validate in (None, True):
        with pytest.raises(ModelError, match=r"gather_0.*axis of length 3"):
            run("gather", x=x, indices=indices, validate_indices=validate)
    with pytest.raises(ModelError, match="gather_0"):
        run("gather", x=x, indices=np.array([-1], np.int32), validate_indices=True)
    same(run("gather", x=x, indices=indices, validate_indices=False), [0, 2])


MODES = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
    "update": lambda old, new: new,
}


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_scatters_combine_one_update_after_the_other(mode: str, data: st.DataObject) -> None:
    x = counted(*data.draw(SHAPES)) + 1
    axis = data.draw(st.integers(0, x.ndim - 1))
    size = x.shape[axis]
    repeats = st.integers(-size, size - 1)
    # Which of two updates of one place stays is undefined: the indices of "update" are distinct.
    drawn = data.draw(
        st.permutations(range(size)) if mode == "update" else st.lists(repeats, min_size=1, max_size=4)
    )
    indices = np.array(drawn, np.int32)
    shape = [*x.shape[:axis], len(indices), *x.shape[axis + 1 :]]
    updates = data.draw(hnp.arrays(np.float32, shape, elements=st.integers(1, 4)))
    expected, combine = x.copy(), MODES[mode]
    for i, index in enumerate(indices):
        place: tuple[Any, ...] = (slice(None),) * axis
        expected[(*place, index)] = combine(expected[(*place, index)], updates[(*place, i)])
    same(run("scatter", data=x, indices=indices, updates=updates, axis=axis, mode=mode), expected)
    along = np.broadcast_to(indices.reshape(-1, *[1] * (x.ndim - axis - 1)), shape).copy()
    same(run("scatter_along_axis", data=x, indices=along, updates=updates, axis=axis, mode=mode), expected)


def test_scatter_nd() -> None:
    data, indices = counted(2, 3), np.array([[1, 0], [0, 2], [1, 0]], np.int32)
    updates = np.array([5.0, 10.0, 1.0], np.float32)
    same(run("scatter_nd", data=data, indices=indices, updates=updates), [[0, 1, 12], [9, 4, 5]])
    rows = np.array([[-1]], np.int32)
    same(
        run("scatter_nd", data=data, indices=rows, updates=counted(1, 3), mode="update"),
        [[0, 1, 2], [0, 1, 2]],
    )
    assert data[1, 0] == 3  # the input is left alone


def test_scatter_out_of_bounds() -> None:
    data, updates = counted(2, 2), np.ones((2, 2), np.float32)
    for outside in (-1, 5):
        indices = np.array([outside, 0], np.int32)
        with pytest.raises(ModelError, match=r"scatter_0.*axis of length 2"):
            run("scatter", data=data, indices=indices, updates=updates, validate_indices=True)
        dropped = run("scatter", data=data, indices=indices, updates=updates, validate_indices=False)
        same(dropped, [[1, 2], [2, 3]])
        places = np.array([[0, outside], [1, 1]], np.int32)
        one = np.ones(2, np.float32)
        nd = run("scatter_nd", data=data, indices=places, updates=one, validate_indices=False)
        same(nd, [[0, 1], [2, 4]])
    with pytest.raises(ModelError, match="scatter_0"):
        run("scatter", data=data, indices=np.array([5, 0], np.int32), updates=updates)
    with pytest.raises(ModelError, match="mode 'average'"):
        run("scatter", data=data, indices=np.array([0], np.int32), updates=updates[:1], mode="average")
