"""The padding rule that convolution and pooling share."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.mil.call import Call
from edgekit.mil.ops.attributes import integers, text


def split_total(total: int, *, lower: bool) -> tuple[int, int]:
    """An amount of padding as (before, after); the odd element goes after, or before when `lower`."""
    small = total // 2
    return (total - small, small) if lower else (small, total - small)


def spatial_pads(
    call: Call, sizes: Sequence[int], reach: Sequence[int], strides: Sequence[int]
) -> list[tuple[int, int]]:
    """(before, after) for each spatial dimension, from the call's `pad_type` and `pad`.

    `same` and `same_lower` pad to ceil(size / stride) outputs. The formula that MIL's documentation prints
    for them looks at the kernel alone; TensorFlow's rule, used here as in coremltools' shape inference,
    counts the strides too.

    Args:
        call: the operation.
        sizes: the input's spatial sizes.
        reach: the kernel's sizes with dilation counted, (K − 1) · dilation + 1.
        strides: one per spatial dimension.

    Raises:
        ModelError: an unknown pad_type.
    """
    pad_type = text(call, "pad_type", "valid").lower()
    if pad_type == "valid":
        return [(0, 0)] * len(sizes)
    if pad_type == "custom":
        pad = integers(call, "pad", [0] * 2 * len(sizes))
        return [(pad[2 * i], pad[2 * i + 1]) for i in range(len(sizes))]
    if pad_type in ("same", "same_lower"):
        totals = [
            max(0, stride * -(-size // stride) - size + kernel - stride)
            for size, kernel, stride in zip(sizes, reach, strides, strict=True)
        ]
        return [split_total(total, lower=pad_type == "same_lower") for total in totals]
    raise call.unsupported(f"pad_type {pad_type!r}")
