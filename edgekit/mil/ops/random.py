"""Random tensors: normal, uniform, Bernoulli and categorical (MIL iOS15–iOS18).

The distributions are MIL's; the bits are torch's, not those of any device.
"""

from __future__ import annotations

import torch

from edgekit.mil.call import Call, Kernel
from edgekit.mil.ops.attributes import integer, integers, number, text


def random_normal(call: Call) -> torch.Tensor:
    """`shape` values of a normal distribution with `mean` and `stddev`."""
    standard = torch.randn(integers(call, "shape", []), generator=_generator(call))
    return standard * number(call, "stddev", 1.0) + number(call, "mean", 0.0)


def random_uniform(call: Call) -> torch.Tensor:
    """`shape` values, uniform over [low, high); `low` when the two are equal."""
    low, high = number(call, "low", 0.0), number(call, "high", 1.0)
    return torch.rand(integers(call, "shape", []), generator=_generator(call)) * (high - low) + low


def random_bernoulli(call: Call) -> torch.Tensor:
    """`shape` values, 1.0 with probability `prob`, else 0.0."""
    draws = torch.rand(integers(call, "shape", []), generator=_generator(call))
    return (draws < number(call, "prob", 0.5)).to(torch.float32)


def random_categorical(call: Call) -> torch.Tensor:
    """`size` indices, with replacement, from each distribution along x's last axis: (*x.shape[:-1], size)."""
    x, size = call["x"].to(torch.float32), integer(call, "size", 1)
    mode = text(call, "mode", "logits").lower()
    if mode not in ("logits", "probs"):
        raise call.unsupported(f"mode {mode!r}")
    weights = x.softmax(dim=-1) if mode == "logits" else x
    drawn = weights.reshape(-1, x.shape[-1]).multinomial(size, replacement=True, generator=_generator(call))
    return drawn.reshape(*x.shape[:-1], size).to(torch.float32)


def _generator(call: Call) -> torch.Generator:
    """The call's generator; one of the operation's own, the same at every call, when it states a seed ≥ 0."""
    seed = integer(call, "seed", -1)
    return call.rng if seed < 0 else torch.Generator().manual_seed(seed)


OPS: dict[str, Kernel] = {
    "random_bernoulli": random_bernoulli,
    "random_categorical": random_categorical,
    "random_normal": random_normal,
    "random_uniform": random_uniform,
}
