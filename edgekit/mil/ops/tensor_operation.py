"""Making, joining, splitting and measuring tensors."""

from __future__ import annotations

import math

import torch

from edgekit.mil.call import Call, Kernel, Value
from edgekit.mil.ops.tensor_operation_arguments import (
    axis_of,
    flag,
    integer,
    integers,
    number,
    tensor,
)


def band_part(call: Call) -> torch.Tensor:
    """x with zeros outside the band −upper ≤ row − column ≤ lower; a negative bound (default) is no bound."""
    x = call["x"]
    lower, upper = integer(call.get("lower", -1)), integer(call.get("upper", -1))
    offset = torch.arange(x.shape[-2]).unsqueeze(1) - torch.arange(x.shape[-1])
    inside = ((offset <= lower) | (lower < 0)) & ((-offset <= upper) | (upper < 0))
    return torch.where(inside, x, torch.zeros_like(x))


def cumsum(call: Call) -> torch.Tensor:
    """Running sum along `axis`, 0 by default; `exclusive` leaves out the element itself, `reverse` starts
    at the end."""
    x = call["x"]
    axis = axis_of(call, x.dim(), 0)
    reverse = flag(call.get("reverse", False))
    if reverse:
        x = x.flip(axis)
    if flag(call.get("exclusive", False)):
        first = torch.zeros_like(x.narrow(axis, 0, min(1, x.shape[axis])))
        x = torch.cat([first, x.narrow(axis, 0, max(x.shape[axis] - 1, 0))], dim=axis)
    total = torch.cumsum(x, axis)
    return total.flip(axis) if reverse else total


def fill(call: Call) -> torch.Tensor:
    """A tensor of `shape`, each element `value`, 0 by default."""
    return torch.full(integers(call["shape"]), number(call.get("value", 0.0)))


def fill_like(call: Call) -> torch.Tensor:
    """A tensor of ref_tensor's shape, each element `value`, 0 by default."""
    return torch.full(tensor(call["ref_tensor"]).shape, number(call.get("value", 0.0)))


def non_zero(call: Call) -> torch.Tensor:
    """The indices of x's elements that aren't 0, `[N, rank(x)]`, in row-major order."""
    return torch.nonzero(tensor(call["x"]))


def one_hot(call: Call) -> torch.Tensor:
    """`on_value` (1) where a new axis' position equals the index, `off_value` (0) elsewhere.

    The new axis, of length `one_hot_vector_size`, stands at `axis` of the result, last by default. An index
    outside it gives no `on_value`.
    """
    indices = tensor(call["indices"])
    axis = axis_of(call, indices.dim() + 1, -1)
    positions = torch.arange(integer(call["one_hot_vector_size"]))
    hot = indices.unsqueeze(axis) == positions.reshape(-1, *[1] * (indices.dim() - axis))
    return torch.where(hot, tensor(call.get("on_value", 1)), tensor(call.get("off_value", 0)))


def _pad_axis(x: torch.Tensor, axis: int, before: int, after: int, mode: str) -> torch.Tensor:
    size = x.shape[axis]
    position = torch.arange(-before, size + after)
    if mode == "replicate":
        position = position.clamp(0, size - 1)
    else:  # reflect: mirrored at the first and the last element, which are not repeated
        position = size - 1 - (size - 1 - position.abs()).abs()
    return torch.index_select(x, axis, position)


def pad(call: Call) -> torch.Tensor:
    """x with its last N axes padded by `pad`, `[2·N]`: before and after the first of them, and so on.

    `mode` is constant (with `constant_val`, 0 by default), reflect or replicate.
    """
    x, amounts, mode = call["x"], integers(call["pad"]), str(call.get("mode", "constant"))
    first = x.dim() - len(amounts) // 2
    if mode == "constant":
        backwards = [amount for i in range(len(amounts) - 2, -1, -2) for amount in amounts[i : i + 2]]
        return torch.nn.functional.pad(x, backwards, value=number(call.get("constant_val", 0.0)))
    if mode not in ("reflect", "replicate"):
        raise call.unsupported(f"mode {mode!r}")
    for axis in range(first, x.dim()):
        before, after = amounts[2 * (axis - first) : 2 * (axis - first) + 2]
        if before or after:
            if mode == "reflect" and max(before, after) >= x.shape[axis]:
                raise call.unsupported(f"reflect padding of {before}, {after} on length {x.shape[axis]}")
            x = _pad_axis(x, axis, before, after, mode)
    return x


def range_1d(call: Call) -> torch.Tensor:
    """start, start + step, … up to but without `end`."""
    start, end, step = (number(call[name]) for name in ("start", "end", "step"))
    if step == 0:
        raise call.unsupported("step 0")
    count = max(0, math.ceil((end - start) / step))
    dtype = torch.int64 if all(isinstance(v, int) for v in (start, end, step)) else torch.float64
    return start + step * torch.arange(count, dtype=dtype)


def tile(call: Call) -> torch.Tensor:
    """x repeated `reps[i]` times along axis i."""
    return torch.tile(call["x"], integers(call["reps"]))


def flatten2d(call: Call) -> torch.Tensor:
    """x as a matrix: the axes before `axis` (1 by default) become rows, the others columns."""
    x = call["x"]
    axis = integer(call.get("axis", 1))
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def shape(call: Call) -> torch.Tensor:
    """x's shape, `[rank(x)]` int32."""
    return torch.tensor(list(tensor(call["x"]).shape), dtype=torch.int32)


def concat(call: Call) -> torch.Tensor:
    """The tensors one after the other along `axis`; with `interleave`, their slices in turn.

    Scalars are joined to a vector.
    """
    values = [tensor(value) for value in call["values"]]
    if values[0].dim() == 0:
        return torch.stack(values)
    axis = axis_of(call, values[0].dim(), 0)
    if flag(call.get("interleave", False)):
        return torch.stack(values, dim=axis + 1).flatten(axis, axis + 1)
    return torch.cat(values, dim=axis)


def split(call: Call) -> tuple[torch.Tensor, ...]:
    """x cut along `axis` into `split_sizes`, or into `num_splits` equal parts."""
    x = call["x"]
    axis = axis_of(call, x.dim(), 0)
    if call["split_sizes"] is not None:
        return torch.split(x, integers(call["split_sizes"]), dim=axis)
    parts = integer(call["num_splits"])
    if x.shape[axis] % parts:
        raise call.unsupported(f"{parts} equal parts of an axis of length {x.shape[axis]}")
    return torch.split(x, max(x.shape[axis] // parts, 1), dim=axis)


def stack(call: Call) -> torch.Tensor:
    """The tensors side by side along a new `axis`."""
    values = [tensor(value) for value in call["values"]]
    return torch.stack(values, dim=axis_of(call, values[0].dim() + 1, 0))


def identity(call: Call) -> tuple[Value]:
    """x itself: a tensor, a list or a dictionary. Wrapped, since a list may be held as a tuple."""
    return (call["x"],)


OPS: dict[str, Kernel] = {
    "band_part": band_part,
    "concat": concat,
    "cumsum": cumsum,
    "fill": fill,
    "fill_like": fill_like,
    "flatten2d": flatten2d,
    "identity": identity,
    "non_zero": non_zero,
    "one_hot": one_hot,
    "pad": pad,
    "range_1d": range_1d,
    "shape": shape,
    "split": split,
    "stack": stack,
    "tile": tile,
}
