"""Reading and writing at indices.

A negative index counts from the end. From iOS17 on (where `validate_indices` exists) it is out of bounds
by the documentation: an error when `validate_indices`, otherwise undefined but memory safe. Here a scatter
then drops it, and a gather still counts from the end and clamps what remains outside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from edgekit.errors import ModelError
from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.tensor_operation_arguments import axis_of, flag, integer, tensor

_REDUCTIONS = {"add": "sum", "sub": "sum", "mul": "prod", "div": "prod", "max": "amax", "min": "amin"}


def _out_of_bounds(call: Call, index: torch.Tensor, size: int) -> ModelError:
    return ModelError(
        f"Operation {call.name!r} of type {call.type!r} got an index in "
        f"[{int(index.min())}, {int(index.max())}] for an axis of length {size}.",
        remedy="Check the operation's indices input; out-of-bounds indices have no defined meaning.",
    )


def _inside(index: torch.Tensor, low: int, size: int) -> bool:
    return index.numel() == 0 or (int(index.min()) >= low and int(index.max()) < size)


def _read_index(call: Call, indices: torch.Tensor, size: int) -> torch.Tensor:
    """The indices as int64 in `[0, size)`.

    Raises:
        ModelError: one is out of bounds, and neither negative nor unchecked.
    """
    index = indices.long()
    if _inside(index, 0, size):
        return index
    validate = call["validate_indices"]
    if validate is not None and flag(validate):
        raise _out_of_bounds(call, index, size)
    wrapped = torch.where(index < 0, index + size, index)
    if validate is not None and size:
        return wrapped.clamp(0, size - 1)
    if not _inside(wrapped, 0, size):
        raise _out_of_bounds(call, index, size)
    return wrapped


def _write_index(call: Call, indices: torch.Tensor, size: int) -> torch.Tensor:
    """The indices as int64 in `[0, size]`, where `size` stands for "drop this update".

    Raises:
        ModelError: one is out of bounds, and neither negative nor unchecked.
    """
    index = indices.long()
    if _inside(index, 0, size):
        return index
    validate = call["validate_indices"]
    if validate is not None and not flag(validate):
        return torch.where((index < 0) | (index >= size), size, index)
    if validate is not None or not _inside(index, -size, size):
        raise _out_of_bounds(call, index, size)
    return torch.where(index < 0, index + size, index)


def gather(call: Call) -> torch.Tensor:
    """x's slices along `axis` at `indices`: shape `x[:axis] + indices[batch_dims:] + x[axis+1:]`.

    The first `batch_dims` axes of x and indices are walked together.
    """
    x, indices = tensor(call["x"]), tensor(call["indices"])
    axis, batch = axis_of(call, x.dim(), 0), integer(call.get("batch_dims", 0))
    index = _read_index(call, indices, x.shape[axis])
    shape = [*x.shape[:axis], *indices.shape[batch:], *x.shape[axis + 1 :]]
    if batch == 0:
        return torch.index_select(x, axis, index.reshape(-1)).reshape(shape)
    batches, between = math.prod(x.shape[:batch]), math.prod(x.shape[batch:axis])
    inner, count = math.prod(x.shape[axis + 1 :]), math.prod(indices.shape[batch:])
    table = x.reshape(batches, between, x.shape[axis], inner)
    index = index.reshape(batches, 1, count, 1).expand(batches, between, count, inner)
    return torch.gather(table, 2, index).reshape(shape)


def gather_along_axis(call: Call) -> torch.Tensor:
    """y[…, i, …] = x[…, indices[…, i, …], …] along `axis`, 0 by default; the result has indices' shape."""
    x, indices = call["x"], call["indices"]
    axis = axis_of(call, x.dim(), 0)
    return torch.gather(x, axis, _read_index(call, indices, x.shape[axis]))


def gather_nd(call: Call) -> torch.Tensor:
    """y[i…] = x[indices[i…]]: indices' last axis addresses x's axes after the first `batch_dims`."""
    x, indices = call["x"], tensor(call["indices"])
    batch, depth = integer(call.get("batch_dims", 0)), indices.shape[-1]
    lead = x.shape[:batch]
    index = [_read_index(call, indices[..., d], x.shape[batch + d]) for d in range(depth)]
    # The batch axes are addressed by their own position, spread over the axes that follow in indices.
    for d, size in enumerate(lead):
        position = torch.arange(size).reshape(-1, *[1] * (indices.dim() - 2 - d))
        index.insert(d, position)
    return x[tuple(index)]


def _combine(
    data: torch.Tensor, axis: int, index: torch.Tensor, updates: torch.Tensor, mode: str
) -> torch.Tensor:
    """`data` with `updates` written along `axis` at `index` (as torch.scatter), by `mode`.

    An index equal to the axis' length writes nowhere. Repeated indices accumulate; with mode "update"
    which one stays is undefined.
    """
    size, dropping = data.shape[axis], not _inside(index, 0, data.shape[axis])
    # A spare place at the end of the axis takes what is to be dropped.
    spare = data.narrow(axis, 0, 1) if dropping else data.narrow(axis, 0, 0)
    out = torch.cat([data, spare], dim=axis) if dropping else data.clone()
    updates = updates.to(out.dtype)
    if mode == "update":
        out.scatter_(axis, index, updates)
    elif mode == "div":
        divisor = torch.ones_like(out).scatter_reduce_(axis, index, updates, "prod")
        out = out / divisor if out.is_floating_point() else torch.div(out, divisor, rounding_mode="trunc")
    else:
        out.scatter_reduce_(axis, index, -updates if mode == "sub" else updates, _REDUCTIONS[mode])
    return out.narrow(axis, 0, size)


def _mode(call: Call) -> str:
    mode = str(call.get("mode", "add"))
    if mode != "update" and mode not in _REDUCTIONS:
        raise call.unsupported(f"mode {mode!r}")
    return mode


def _along(index: torch.Tensor, axis: int, shape: Sequence[int]) -> torch.Tensor:
    """A vector of indices along `axis`, repeated over the other axes of `shape`."""
    return index.reshape(-1, *[1] * (len(shape) - axis - 1)).expand(list(shape))


def scatter(call: Call) -> torch.Tensor:
    """data with updates' i-th slice along `axis` combined into its slice at indices[i], by `mode` (add)."""
    data, updates = call["data"], call["updates"]
    axis = axis_of(call, data.dim(), 0)
    index = _write_index(call, tensor(call["indices"]).reshape(-1), data.shape[axis])
    shape = [*data.shape[:axis], index.numel(), *data.shape[axis + 1 :]]
    return _combine(data, axis, _along(index, axis, shape), updates.reshape(shape), _mode(call))


def scatter_along_axis(call: Call) -> torch.Tensor:
    """data[…, indices[…, i, …], …] combined with updates[…, i, …] along `axis`, by `mode` (add)."""
    data = call["data"]
    axis = axis_of(call, data.dim(), 0)
    index = _write_index(call, call["indices"], data.shape[axis])
    return _combine(data, axis, index, call["updates"], _mode(call))


def scatter_nd(call: Call) -> torch.Tensor:
    """data[indices[i…]] combined with updates[i…], by `mode` (add)."""
    data, indices = call["data"], call["indices"]
    depth = indices.shape[-1]
    count, inner = math.prod(data.shape[:depth]), math.prod(data.shape[depth:])
    row = torch.zeros(indices.shape[:-1], dtype=torch.int64)
    dropped = torch.zeros(indices.shape[:-1], dtype=torch.bool)
    for d in range(depth):
        index = _write_index(call, indices[..., d], data.shape[d])
        dropped |= index == data.shape[d]
        row = row * data.shape[d] + index
    row = torch.where(dropped, count, row).reshape(-1, 1).expand(-1, inner)
    out = _combine(data.reshape(count, inner), 0, row, call["updates"].reshape(-1, inner), _mode(call))
    return out.reshape(data.shape)


OPS: dict[str, Kernel] = {
    "gather": gather,
    "gather_along_axis": gather_along_axis,
    "gather_nd": gather_nd,
    "scatter": scatter,
    "scatter_along_axis": scatter_along_axis,
    "scatter_nd": scatter_nd,
}
