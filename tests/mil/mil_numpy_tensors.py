"""MIL operations that multiply, convolve, pool, move and join, written again in numpy for random programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from hypothesis import strategies as st
from mil_numpy_operations import (
    Array,
    Attributes,
    Draw,
    Operation,
    Shape,
    an_axis,
    constant,
    integer,
    pick,
    some_axes,
)
from numpy.lib.stride_tricks import sliding_window_view


def linear_attributes(draw: Draw, shape: Shape) -> Attributes | None:
    out = integer(draw, 1, 4)
    if len(shape) not in (2, 3):
        return None
    return {"weight": constant(draw, out, shape[-1]), "bias": constant(draw, out)}


def matmul(x: Array, y: Array, transpose_x: bool, transpose_y: bool) -> Array:
    return (np.swapaxes(x, -1, -2) if transpose_x else x) @ (np.swapaxes(y, -1, -2) if transpose_y else y)


def matmul_attributes(draw: Draw, shape: Shape) -> Attributes | None:
    if len(shape) < 2:
        return None
    flip_x, flip_y = bool(integer(draw, 0, 1)), bool(integer(draw, 0, 1))
    sides = (shape[-2 if flip_x else -1], integer(draw, 1, 4))
    y = constant(draw, *shape[:-2], *(sides[::-1] if flip_y else sides))
    return {"y": y, "transpose_x": flip_x, "transpose_y": flip_y}


def pads(
    sizes: Sequence[int], reach: Sequence[int], strides: Sequence[int], pad_type: str, pad: Sequence[int]
) -> list[tuple[int, int]]:
    if pad_type == "custom":
        return [(pad[2 * i], pad[2 * i + 1]) for i in range(len(sizes))]
    if pad_type == "valid":
        return [(0, 0)] * len(sizes)
    totals = [max(0, (-(-n // s) - 1) * s + r - n) for n, r, s in zip(sizes, reach, strides, strict=True)]
    return [(t - t // 2, t // 2) if pad_type == "same_lower" else (t // 2, t - t // 2) for t in totals]


def windows(x: Array, sizes: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> Array:
    """`[N, C, *D]` → `[N, C, *windows, *sizes]`."""
    reach = [(k - 1) * d + 1 for k, d in zip(sizes, dilations, strict=True)]
    found = sliding_window_view(x, reach, tuple(range(2, x.ndim)))
    return found[(..., *(slice(None, None, s) for s in strides), *(slice(None, None, d) for d in dilations))]


def conv(
    x: Array, weight: Array, bias: Array, strides: list[int], pad_type: str, pad: list[int],
    dilations: list[int], groups: int,
) -> Array:  # fmt: skip
    sizes = weight.shape[2:]
    reach = [(k - 1) * d + 1 for k, d in zip(sizes, dilations, strict=True)]
    x = np.pad(x, [(0, 0), (0, 0), *pads(x.shape[2:], reach, strides, pad_type, pad)])
    seen = windows(x, sizes, strides, dilations)
    kernel_axes = list(range(2 + len(sizes), seen.ndim))
    parts = [
        np.tensordot(w, k, axes=([1, *kernel_axes], list(range(1, k.ndim))))
        for w, k in zip(np.split(seen, groups, 1), np.split(weight, groups), strict=True)
    ]
    return np.moveaxis(np.concatenate(parts, -1) + bias, -1, 1)


def _spatial(draw: Draw, shape: Shape) -> Attributes | None:
    if len(shape) not in (3, 4) or min(shape[2:]) < 3:
        return None
    rank = len(shape) - 2
    return {
        "strides": [integer(draw, 1, 2) for _ in range(rank)],
        "pad_type": pick(draw, ["valid", "same", "same_lower", "custom"]),
        "pad": [integer(draw, 0, 1) for _ in range(2 * rank)],
    }


def conv_attributes(draw: Draw, shape: Shape) -> Attributes | None:
    drawn = _spatial(draw, shape)
    if drawn is None:
        return None
    sizes = [integer(draw, 1, 2) for _ in shape[2:]]
    groups = pick(draw, [1, shape[1]])
    out = groups * integer(draw, 1, 2)
    return {
        **drawn,
        "weight": constant(draw, out, shape[1] // groups, *sizes),
        "bias": constant(draw, out),
        "dilations": [integer(draw, 1, 2) for _ in sizes],
        "groups": groups,
    }


def pooled(function: Callable[..., Array], *, fill: float) -> Callable[..., Array]:
    def pool(x: Array, kernel_sizes: list[int], strides: list[int], pad_type: str, pad: list[int]) -> Array:
        around = pads(x.shape[2:], kernel_sizes, strides, pad_type, pad)
        x = np.pad(x, [(0, 0), (0, 0), *around], constant_values=fill)
        seen = windows(x, kernel_sizes, strides, [1] * len(strides))
        return function(seen, axis=tuple(range(-len(strides), 0)))

    return pool


def pool_attributes(draw: Draw, shape: Shape) -> Attributes | None:
    drawn = _spatial(draw, shape)
    return drawn and {**drawn, "kernel_sizes": [integer(draw, 2, 3) for _ in shape[2:]]}


PRODUCT = {
    "linear": Operation(lambda x, weight, bias: x @ weight.T + bias, linear_attributes),
    "matmul": Operation(matmul, matmul_attributes),
    "conv": Operation(conv, conv_attributes),
    "max_pool": Operation(pooled(np.max, fill=-np.inf), pool_attributes),
    "avg_pool": Operation(pooled(np.mean, fill=0.0), pool_attributes),
}


# Transformation


def reshape_attributes(draw: Draw, shape: Shape) -> Attributes:
    left, sizes = math.prod(shape), []
    for _ in range(integer(draw, 0, 3)):
        sizes.append(pick(draw, [n for n in range(1, left + 1) if left % n == 0]))
        left //= sizes[-1]
    sizes.append(left)
    if integer(draw, 0, 1):
        sizes[integer(draw, 0, len(sizes) - 1)] = -1
    return {"shape": sizes}


def expanded_attributes(draw: Draw, shape: Shape) -> Attributes | None:
    return {"axes": [integer(draw, -len(shape) - 1, len(shape))]} if len(shape) < 5 else None


def squeezed_attributes(draw: Draw, shape: Shape) -> Attributes | None:
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    return {"axes": [pick(draw, ones)]} if ones and len(shape) > 1 else None


def split_attributes(draw: Draw, shape: Shape) -> Attributes | None:
    axis = an_axis(draw, shape)
    if shape[axis] < 2:
        return None
    first = integer(draw, 1, shape[axis] - 1)
    return {"split_sizes": [first, shape[axis] - first], "axis": axis}


def slice_by_index(
    x: Array,
    begin: list[int],
    end: list[int],
    stride: list[int],
    begin_mask: list[bool],
    end_mask: list[bool],
) -> Array:
    return x[
        tuple(
            slice(None if b_all else b, None if e_all else e, s)
            for b, e, s, b_all, e_all in zip(begin, end, stride, begin_mask, end_mask, strict=True)
        )
    ]


def sliced_attributes(draw: Draw, shape: Shape) -> Attributes:
    begin, end, stride = [], [], []
    for n in shape:
        low = integer(draw, 0, n - 1)
        high = integer(draw, low + 1, n)
        backwards = integer(draw, 0, 3) == 0 and low > 0
        stride.append(-1 if backwards else integer(draw, 1, 2))
        low, high = (high - 1, low - 1) if backwards else (low, high)
        begin.append(low - n * integer(draw, 0, 1))
        end.append(high - n if high < n and integer(draw, 0, 1) else high)
    masks = [[integer(draw, 0, 4) == 0 for _ in shape] for _ in range(2)]
    return {"begin": begin, "end": end, "stride": stride, "begin_mask": masks[0], "end_mask": masks[1]}


def sized_attributes(draw: Draw, shape: Shape) -> Attributes:
    begin = [integer(draw, 0, n - 1) for n in shape]
    size = [integer(draw, 1, n - b) for n, b in zip(shape, begin, strict=True)]
    to_end = [integer(draw, 0, 3) == 0 for _ in shape]
    return {"begin": begin, "size": [-1 if e else n for n, e in zip(size, to_end, strict=True)]}


def slice_by_size(x: Array, begin: list[int], size: list[int]) -> Array:
    return x[tuple(slice(b, None if n < 0 else b + n) for b, n in zip(begin, size, strict=True))]


def gathered_attributes(draw: Draw, shape: Shape) -> Attributes:
    axis = an_axis(draw, shape)
    n = shape[axis]
    sizes = [integer(draw, 1, 3) for _ in range(integer(draw, 1, 2 if len(shape) < 4 else 1))]
    indices = [integer(draw, 0, n - 1) for _ in range(math.prod(sizes))]
    return {"indices": np.array(indices, np.int32).reshape(sizes), "axis": axis}


def along_attributes(draw: Draw, shape: Shape) -> Attributes:
    axis = an_axis(draw, shape)
    sizes = list(shape)
    sizes[axis] = integer(draw, 1, 4)
    indices = [integer(draw, 0, shape[axis] - 1) for _ in range(math.prod(sizes))]
    return {"indices": np.array(indices, np.int32).reshape(sizes), "axis": axis}


def padded(x: Array, pad: list[int], mode: str, constant_val: float) -> Array:
    pairs = [(pad[2 * i], pad[2 * i + 1]) for i in range(len(pad) // 2)]
    pairs = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    if mode == "constant":
        return np.pad(x, pairs, constant_values=constant_val)
    return np.pad(x, pairs, mode="reflect" if mode == "reflect" else "edge")


def padded_attributes(draw: Draw, shape: Shape) -> Attributes | None:
    mode = pick(draw, ["constant", "reflect", "replicate"])
    last = len(shape) if mode == "constant" else min(2, len(shape) - 1)
    if last < 1:
        return None
    most = [2 if mode != "reflect" else min(2, n - 1) for n in shape[-last:]]
    pad = [integer(draw, 0, m) for m in most for _ in range(2)]
    return {"pad": pad, "mode": mode, "constant_val": integer(draw, -8, 8) / 4}


def band_part(x: Array, lower: int, upper: int) -> Array:
    rows, columns = np.indices(x.shape[-2:])
    kept = ((lower < 0) | (rows - columns <= lower)) & ((upper < 0) | (columns - rows <= upper))
    return np.where(kept, x, 0)


def pixel_shuffle(x: Array, upscale_factor: int) -> Array:
    n, c, h, w = x.shape
    f = upscale_factor
    return x.reshape(n, c // f**2, f, f, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // f**2, h * f, w * f)


def space_to_depth(x: Array, block_size: int) -> Array:
    n, c, h, w = x.shape
    b = block_size
    return (
        x.reshape(n, c, h // b, b, w // b, b)
        .transpose(0, 3, 5, 1, 2, 4)
        .reshape(n, c * b * b, h // b, w // b)
    )


def top(x: Array, k: int, axis: int, ascending: bool) -> Array:
    ordered = np.sort(x, axis)
    return np.take(ordered if ascending else np.flip(ordered, axis), range(k), axis)


def _when(
    condition: Callable[[Shape], bool], **attributes: int
) -> Callable[[Draw, Shape], Attributes | None]:
    return lambda draw, shape: dict(attributes) if condition(shape) else None


def top_attributes(draw: Draw, shape: Shape) -> Attributes:
    axis = an_axis(draw, shape)
    return {"k": integer(draw, 1, shape[axis]), "axis": axis, "ascending": bool(integer(draw, 0, 1))}


TRANSFORMATION = {
    "band_part": Operation(
        band_part,
        lambda d, s: {"lower": integer(d, -1, 2), "upper": integer(d, -1, 2)} if len(s) >= 2 else None,
    ),
    "concat": Operation(
        lambda x, y, axis: np.concatenate([x, y], axis),
        lambda d, s: {"axis": an_axis(d, s)},
        more=1,
        build=lambda x, y, dtype, **a: mb.concat(values=[x, y], **a),
    ),
    "expand_dims": Operation(lambda x, axes: np.expand_dims(x, tuple(axes)), expanded_attributes),
    "gather": Operation(
        lambda x, indices, axis: np.take(x, indices, axis),
        gathered_attributes,
    ),
    "gather_along_axis": Operation(
        lambda x, indices, axis: np.take_along_axis(x, indices, axis), along_attributes
    ),
    "pad": Operation(padded, padded_attributes),
    "pixel_shuffle": Operation(
        pixel_shuffle, _when(lambda s: len(s) == 4 and s[1] % 4 == 0, upscale_factor=2)
    ),
    "reshape": Operation(lambda x, shape: x.reshape(shape), reshape_attributes),
    "reverse": Operation(lambda x, axes: np.flip(x, tuple(axes)), lambda d, s: {"axes": some_axes(d, s)}),
    "slice_by_index": Operation(slice_by_index, sliced_attributes),
    "slice_by_size": Operation(slice_by_size, sized_attributes),
    "space_to_depth": Operation(
        space_to_depth, _when(lambda s: len(s) == 4 and s[2] % 2 == 0 and s[3] % 2 == 0, block_size=2)
    ),
    "split": Operation(
        lambda x, split_sizes, axis: np.split(x, split_sizes[:1], axis)[1],
        split_attributes,
        build=lambda x, dtype, **a: mb.split(x=x, **a)[1],
    ),
    "squeeze": Operation(lambda x, axes: np.squeeze(x, tuple(axes)), squeezed_attributes),
    "stack": Operation(
        lambda x, y, axis: np.stack([x, y], axis),
        lambda d, s: {"axis": integer(d, -len(s) - 1, len(s))} if len(s) < 5 else None,
        more=1,
        build=lambda x, y, dtype, **a: mb.stack(values=[x, y], **a),
    ),
    "tile": Operation(np.tile, lambda d, s: {"reps": [integer(d, 1, 2) for _ in s]}),
    "topk": Operation(top, top_attributes, build=lambda x, dtype, **a: mb.topk(x=x, **a)[0]),
    "transpose": Operation(
        lambda x, perm: x.transpose(perm), lambda d, s: {"perm": d(st.permutations(range(len(s))))}
    ),
    "upsample_nearest_neighbor": Operation(
        lambda x, scale_factor_height, scale_factor_width: x.repeat(scale_factor_height, -2).repeat(
            scale_factor_width, -1
        ),
        _when(lambda s: len(s) == 4, scale_factor_height=2, scale_factor_width=3),
    ),
}
