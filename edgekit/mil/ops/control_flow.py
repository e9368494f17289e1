"""Control flow and lists. A MIL list is a Python list of tensors, never changed in place."""

from __future__ import annotations

import torch

from edgekit.errors import ModelError
from edgekit.mil.call import Call, Kernel, Value
from edgekit.mil.rounding import HELD

MAX_ITERATIONS = 1_000_000
MAX_LENGTH = 1 << 20


def cond(call: Call) -> tuple[Value, ...]:
    """Runs the first block when `pred` is true, else the second."""
    chosen = call.op.blocks[0] if bool(call["pred"]) else call.op.blocks[1]
    return call.run_block(chosen, ())


def while_loop(call: Call) -> tuple[Value, ...]:
    """Runs the body (second block) on the loop variables for as long as the first block says true."""
    condition, body = call.op.blocks
    values = tuple(call["loop_vars"])
    for _ in range(MAX_ITERATIONS):
        if not bool(call.run_block(condition, values)[0]):
            return values
        values = call.run_block(body, values)
    raise ModelError(
        f"The loop {call.name!r} did not end after {MAX_ITERATIONS:,} iterations.",
        remedy="Check the loop's condition in the source model.",
    )


def select(call: Call) -> torch.Tensor:
    """`a` where `cond` is true, else `b`, all broadcast. Without both: the indices of true entries."""
    condition = torch.as_tensor(call["cond"]).bool()
    if call["a"] is None and call["b"] is None:
        return condition.nonzero().to(torch.int32)
    return torch.where(condition, torch.as_tensor(call["a"]), torch.as_tensor(call["b"]))


def make_list(call: Call) -> list[Value]:
    """`init_length` elements of zeros; an element whose shape is not known yet stays empty until written."""
    shape = call.get("elem_shape", ())
    dtype = HELD.get(call.get("dtype", "fp32"))
    if dtype is None:
        raise call.unsupported(f"a list of {call['dtype']}")
    length = _length(call, int(call.get("init_length", 1)))
    if any(isinstance(extent, str) for extent in shape):
        return [None] * length
    return [torch.zeros([int(extent) for extent in shape], dtype=dtype)] * length


def list_length(call: Call) -> torch.Tensor:
    """The number of elements, written or not."""
    return torch.tensor(len(call["ls"]), dtype=torch.int32)


def list_write(call: Call) -> list[Value]:
    """The list with `value` at `index`; it grows when the index is beyond its end."""
    return _written(call, {int(call["index"]): call["value"]})


def list_scatter(call: Call) -> list[Value]:
    """The list with row i of `value` at `indices[i]`."""
    rows = dict(zip((int(i) for i in call["indices"]), call["value"], strict=True))
    return _written(call, rows)


def list_read(call: Call) -> Value:
    """The element at `index`."""
    return _element(call, int(call["index"]))


def list_gather(call: Call) -> torch.Tensor:
    """The elements at `indices`, stacked along a new first axis."""
    return torch.stack([_element(call, int(index)) for index in call["indices"]])


def _written(call: Call, rows: dict[int, Value]) -> list[Value]:
    entries = list(call["ls"])
    if min(rows, default=0) < 0:
        raise _out_of_range(call, min(rows))
    length = _length(call, max(rows, default=-1) + 1)
    if length > len(entries):
        entries += [None] * (length - len(entries))
    for index, value in rows.items():
        entries[index] = value
    return entries


def _length(call: Call, length: int) -> int:
    if not 0 <= length <= MAX_LENGTH:
        raise call.unsupported(f"a list of {length} elements")
    return length


def _element(call: Call, index: int) -> Value:
    entries = call["ls"]
    if not 0 <= index < len(entries):
        raise _out_of_range(call, index)
    if entries[index] is not None:
        return entries[index]
    written = next((entry for entry in entries if entry is not None), None)
    if written is None:
        raise ModelError(
            f"Operation {call.name!r} reads element {index} of a list that nothing was written to.",
            remedy="Write to the list before reading it, or give its elements a fixed shape.",
        )
    return torch.zeros_like(written)


def _out_of_range(call: Call, index: int) -> ModelError:
    return ModelError(
        f"Operation {call.name!r} uses element {index} of a list of {len(call['ls'])}.",
        remedy="Check the index in the source model.",
    )


OPS: dict[str, Kernel] = {
    "cond": cond,
    "list_gather": list_gather,
    "list_length": list_length,
    "list_read": list_read,
    "list_scatter": list_scatter,
    "list_write": list_write,
    "make_list": make_list,
    "select": select,
    "while_loop": while_loop,
}
