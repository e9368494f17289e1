"""Reductions over `axes` (all of them by default) or, for the index of an extremum, over one `axis`."""

from __future__ import annotations

from collections.abc import Callable

import torch

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.tensor_operation_arguments import axes_of, axis_of, flag

Reduce = Callable[[torch.Tensor, list[int], bool], torch.Tensor]


def _over_axes(reduce: Reduce) -> Kernel:
    """A kernel that keeps the reduced axes with length 1 when `keep_dims`, and drops them by default."""

    def kernel(call: Call) -> torch.Tensor:
        x = call["x"]
        axes = axes_of(call["axes"], x.dim())
        # torch takes an empty list of axes for "all"; MIL, as NumPy, takes it for "none".
        if not axes:
            return reduce(x.unsqueeze(0), [0], False)
        return reduce(x, axes, flag(call.get("keep_dims", False)))

    return kernel


def _index_of(extremum: Callable[..., torch.Tensor]) -> Kernel:
    """A kernel for the position of the extremum along `axis`, the last by default; ties: any position."""

    def kernel(call: Call) -> torch.Tensor:
        x = call["x"]
        return extremum(x, dim=axis_of(call, x.dim(), -1), keepdim=flag(call.get("keep_dims", False)))

    return kernel


def _wide(x: torch.Tensor) -> torch.Tensor:
    """Integers in float64: the executor truncates the result to the declared integer."""
    return x if x.is_floating_point() else x.double()


def _mean(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    return torch.mean(_wide(x), axes, keepdim=keep)


def _sum(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    return torch.sum(x, axes, keepdim=keep)


def _prod(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    for axis in reversed(axes):
        x = torch.prod(x, axis, keepdim=keep)
    return x


def _max(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    return torch.amax(x, axes, keepdim=keep)


def _min(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    return torch.amin(x, axes, keepdim=keep)


def _l1_norm(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    return _sum(x.abs(), axes, keep)


def _l2_norm(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    return torch.sqrt(_sum_square(_wide(x), axes, keep))


def _sum_square(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    return _sum(torch.square(x), axes, keep)


def _log_sum(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    return torch.log(_sum(_wide(x), axes, keep))


def _log_sum_exp(x: torch.Tensor, axes: list[int], keep: bool) -> torch.Tensor:
    return torch.logsumexp(_wide(x), axes, keepdim=keep)


OPS: dict[str, Kernel] = {
    "reduce_argmax": _index_of(torch.argmax),
    "reduce_argmin": _index_of(torch.argmin),
    "reduce_l1_norm": _over_axes(_l1_norm),
    "reduce_l2_norm": _over_axes(_l2_norm),
    "reduce_log_sum": _over_axes(_log_sum),
    "reduce_log_sum_exp": _over_axes(_log_sum_exp),
    "reduce_max": _over_axes(_max),
    "reduce_mean": _over_axes(_mean),
    "reduce_min": _over_axes(_min),
    "reduce_prod": _over_axes(_prod),
    "reduce_sum": _over_axes(_sum),
    "reduce_sum_square": _over_axes(_sum_square),
}
