"""Slices of a tensor, read or written: `begin:end:stride` per axis, with the rules of Python's slices."""

from __future__ import annotations

import torch

from edgekit.mil.call import Call, Kernel, Value
from edgekit.mil.ops.tensor_operation_arguments import integers, tensor


def _mask(value: Value, rank: int) -> list[bool]:
    return [False] * rank if value is None else [bool(item) for item in integers(value)]


def _positions(call: Call, x: torch.Tensor) -> tuple[list[range], list[int]]:
    """The positions taken along each axis of x, and the axes to drop afterwards.

    Negative ends count from the back; `begin_mask` and `end_mask` take the axis' own first and last;
    `squeeze_mask` takes the one element at `begin` and drops the axis.
    """
    rank = x.dim()
    begin, end = integers(call["begin"]), integers(call["end"])
    stride = [1] * rank if call["stride"] is None else integers(call["stride"])
    from_first, to_last = _mask(call["begin_mask"], rank), _mask(call["end_mask"], rank)
    squeezed = _mask(call["squeeze_mask"], rank)
    if 0 in stride or not len(begin) == len(end) == len(stride) == rank:
        raise call.unsupported(
            f"begin {begin}, end {end}, stride {stride} on a tensor of shape {tuple(x.shape)}"
        )
    positions = []
    for axis, size in enumerate(x.shape):
        first = None if from_first[axis] else begin[axis]
        if squeezed[axis]:
            start = 0 if first is None else first + size if first < 0 else first
            if not 0 <= start < size:
                raise call.unsupported(f"index {first} on an axis of length {size}")
            positions.append(range(start, start + 1))
            continue
        last = None if to_last[axis] else end[axis]
        positions.append(range(*slice(first, last, stride[axis]).indices(size)))
    return positions, [axis for axis in range(rank) if squeezed[axis]]


def _slices(positions: list[range]) -> tuple[slice, ...] | None:
    """The positions as slices that torch can view, or None when one runs backwards."""
    if any(len(p) > 1 and p.step < 0 for p in positions):
        return None
    return tuple(
        slice(p[0], p[-1] + 1, p.step if len(p) > 1 else 1) if len(p) else slice(0, 0) for p in positions
    )


def slice_by_index(call: Call) -> torch.Tensor:
    """x[begin[0]:end[0]:stride[0], …], without the axes of `squeeze_mask`."""
    x = tensor(call["x"])
    positions, squeezed = _positions(call, x)
    slices = _slices(positions)
    if slices is not None:
        x = x[slices]
    else:
        for axis, taken in enumerate(positions):
            x = torch.index_select(x, axis, torch.tensor(list(taken), dtype=torch.int64))
    return torch.squeeze(x, tuple(squeezed)) if squeezed else x


def slice_update(call: Call) -> torch.Tensor:
    """A copy of x in which x[begin[0]:end[0]:stride[0], …] is `update`."""
    x, update = call["x"], tensor(call["update"])
    positions, _ = _positions(call, x)
    out = x.clone(memory_format=torch.contiguous_format)
    update = update.to(out.dtype).reshape([len(taken) for taken in positions])
    slices = _slices(positions)
    if slices is not None:
        out[slices] = update
        return out
    axes = [
        torch.tensor(list(taken), dtype=torch.int64).reshape(-1, *[1] * (x.dim() - axis - 1))
        for axis, taken in enumerate(positions)
    ]
    out[tuple(axes)] = update
    return out


def slice_by_size(call: Call) -> torch.Tensor:
    """x from `begin`, `size` elements along each axis; size −1 takes the rest, a negative begin counts from
    the end."""
    x, begin, size = tensor(call["x"]), integers(call["begin"]), integers(call["size"])
    for axis, (first, count) in enumerate(zip(begin, size, strict=True)):
        length = x.shape[axis]
        start = first + length if first < 0 else first
        taken = length - start if count == -1 else count
        if not (0 <= start <= length and 0 <= taken <= length - start):
            raise call.unsupported(f"begin {first}, size {count} on an axis of length {length}")
        x = x.narrow(axis, start, taken)
    return x


OPS: dict[str, Kernel] = {
    "slice_by_index": slice_by_index,
    "slice_by_size": slice_by_size,
    "slice_update": slice_update,
}
