"""Other shapes for the same elements: reshaping, moving axes, blocks between depth, space and batch."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from edgekit.errors import ModelError
from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.tensor_operation_arguments import (
    axes_of,
    axis_of,
    flag,
    integer,
    integers,
    tensor,
)


def _reshaped(call: Call, x: torch.Tensor, shape: list[int]) -> torch.Tensor:
    known = math.prod(size for size in shape if size != -1)
    fits = x.numel() == known if -1 not in shape else known > 0 and x.numel() % known == 0
    if not fits or shape.count(-1) > 1 or min(shape, default=0) < -1:
        raise ModelError(
            f"Operation {call.name!r} of type {call.type!r} can't give a tensor of shape "
            f"{tuple(x.shape)} the shape {tuple(shape)}.",
            remedy="Check the shape input, and that this input shape is among those the model accepts.",
        )
    return x.reshape(shape)


def reshape(call: Call) -> torch.Tensor:
    """x in another shape: −1 is what remains, 0 is x's size of the same axis counted from the last.

    Counting from the last (iOS17) agrees with counting from the first where ranks are equal, as iOS15
    demands; an axis that x doesn't have counts as 1.
    """
    x, shape = tensor(call["x"]), integers(call["shape"])
    lead = len(shape) - x.dim()
    sizes = [
        size if size != 0 else (int(x.shape[i - lead]) if i >= lead else 1) for i, size in enumerate(shape)
    ]
    return _reshaped(call, x, sizes)


def reshape_like(call: Call) -> torch.Tensor:
    """x in the shape made of `ref_tensors[i].shape[begins[i]:ends[i]]`, to the end where `end_masks[i]`."""
    shape: list[int] = []
    for reference, begin, end, to_end in zip(
        call["ref_tensors"], call["begins"], call["ends"], call["end_masks"], strict=True
    ):
        shape += list(tensor(reference).shape[integer(begin) : None if flag(to_end) else integer(end)])
    return _reshaped(call, call["x"], shape)


def expand_dims(call: Call) -> torch.Tensor:
    """x with new axes of length 1, at `axes` of the result."""
    x, axes = tensor(call["x"]), integers(call["axes"])
    for axis in axes_of(axes, x.dim() + len(axes)):
        x = x.unsqueeze(axis)
    return x


def squeeze(call: Call) -> torch.Tensor:
    """x without its `axes` (all by default) of length 1; longer ones stay."""
    x = call["x"]
    return torch.squeeze(x, tuple(axes_of(call["axes"], x.dim())))


def transpose(call: Call) -> torch.Tensor:
    """x with its axes in the order `perm`."""
    return call["x"].permute(integers(call["perm"]))


def depth_to_space(call: Call) -> torch.Tensor:
    """`[n, C, H, W]` → `[n, C/b², H·b, W·b]`: C is split into row in block, column in block, channel."""
    x, b = call["x"], integer(call["block_size"])
    n, c, h, w = x.shape
    blocks = x.reshape(n, b, b, c // (b * b), h, w)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(n, c // (b * b), h * b, w * b)


def space_to_depth(call: Call) -> torch.Tensor:
    """`[n, C, H, W]` → `[n, C·b², H/b, W/b]`: the inverse of `depth_to_space`."""
    x, b = call["x"], integer(call["block_size"])
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // b, b, w // b, b)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)


def pixel_shuffle(call: Call) -> torch.Tensor:
    """`[n, C·f², H, W]` → `[n, C, H·f, W·f]`, as PyTorch: channel, row in block, column in block."""
    return F.pixel_shuffle(call["x"], integer(call["upscale_factor"]))


def pixel_unshuffle(call: Call) -> torch.Tensor:
    """`[n, C, H, W]` → `[n, C·f², H/f, W/f]`: the inverse of `pixel_shuffle`."""
    return F.pixel_unshuffle(call["x"], integer(call["downscale_factor"]))


def space_to_batch(call: Call) -> torch.Tensor:
    """`[n, C, H, W]`, zero-padded by `paddings`, → `[n·bh·bw, C, H/bh, W/bw]`: position in block, then n."""
    x = call["x"]
    bh, bw = integers(call["block_shape"])
    top, bottom, left, right = integers(call["paddings"])
    x = F.pad(x, (left, right, top, bottom))
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // bh, bh, w // bw, bw)
    return blocks.permute(3, 5, 0, 1, 2, 4).reshape(n * bh * bw, c, h // bh, w // bw)


def batch_to_space(call: Call) -> torch.Tensor:
    """`[n, C, H, W]` → `[n/(bh·bw), C, H·bh, W·bw]`, then cropped by `crops` `[2, 2]`."""
    x = call["x"]
    bh, bw = integers(call["block_shape"])
    top, bottom, left, right = integers(call["crops"])
    n, c, h, w = x.shape
    blocks = x.reshape(bh, bw, n // (bh * bw), c, h, w).permute(2, 3, 4, 0, 5, 1)
    whole = blocks.reshape(n // (bh * bw), c, h * bh, w * bw)
    return whole[:, :, top : h * bh - bottom, left : w * bw - right]


def reverse(call: Call) -> torch.Tensor:
    """x back to front along `axes`, all by default."""
    x = call["x"]
    return torch.flip(x, axes_of(call["axes"], x.dim()))


def reverse_sequence(call: Call) -> torch.Tensor:
    """x with the first `lengths[i]` elements along `seq_axis` reversed, for each i along `batch_axis`."""
    x, lengths = call["x"], tensor(call["lengths"]).long()
    sequence, batch = axis_of(call, x.dim(), 0, "seq_axis"), axis_of(call, x.dim(), 0, "batch_axis")
    position = torch.arange(x.shape[sequence])
    if sequence == batch:
        raise call.unsupported("the same seq_axis and batch_axis")
    index = torch.where(position < lengths[:, None], lengths[:, None] - 1 - position, position)
    if sequence < batch:
        index = index.mT
    shape = [x.shape[axis] if axis in (sequence, batch) else 1 for axis in range(x.dim())]
    return torch.gather(x, sequence, index.reshape(shape).expand(x.shape))


def sliding_windows(call: Call) -> torch.Tensor:
    """All windows of `size` along `axis`, `stride` (1) apart; a window's elements lie along axis + 1."""
    x = call["x"]
    axis = axis_of(call, x.dim(), 0)
    windows = x.unfold(axis, integer(call["size"]), integer(call.get("stride", 1)))
    return windows.movedim(-1, axis + 1)


OPS: dict[str, Kernel] = {
    "batch_to_space": batch_to_space,
    "depth_to_space": depth_to_space,
    "expand_dims": expand_dims,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "reshape": reshape,
    "reshape_like": reshape_like,
    "reverse": reverse,
    "reverse_sequence": reverse_sequence,
    "sliding_windows": sliding_windows,
    "space_to_batch": space_to_batch,
    "space_to_depth": space_to_depth,
    "squeeze": squeeze,
    "transpose": transpose,
}
