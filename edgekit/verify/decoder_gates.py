"""What an exported decoder must hold to be shipped, for each precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from edgekit.decoder_parity import DecoderParity
from edgekit.types import Gate


@dataclass(frozen=True, slots=True)
class DecoderGates:
    """The limits of one precision; a limit of None is not judged."""

    mean_kl: float  # nats
    perplexity_ratio: float  # of the artifact's to the reference's
    phases_kl: float  # nats, between reading at once and token by token
    because: str
    max_kl: float | None = None  # nats
    top1: float | None = None  # share of positions; of few bits and a flat distribution it says little
    greedy: float | None = None  # share of the reference's continuation that must be written too


GATES: dict[str, DecoderGates] = {
    "fp32": DecoderGates(
        mean_kl=1e-4,
        max_kl=1e-3,
        perplexity_ratio=1.001,
        top1=0.99,
        greedy=1.0,
        phases_kl=1e-4,
        because="the same weights in the same arithmetic: only sums differ in order",
    ),
    "fp16": DecoderGates(
        mean_kl=0.01,
        perplexity_ratio=1.01,
        top1=0.95,
        phases_kl=0.01,
        because="11 bits of mantissa hardly show; an overflow does",
    ),
    "int8": DecoderGates(
        mean_kl=0.05,
        perplexity_ratio=1.05,
        top1=0.90,
        phases_kl=0.02,
        because="256 levels cost a small share of what 16 do",
    ),
    # Rounded without training, SmolLM2-135M loses .3 nats on English and .52 over the built-in texts.
    "int4": DecoderGates(
        mean_kl=0.75,
        perplexity_ratio=1.5,
        phases_kl=0.05,
        because="what 16 levels a block cost a model of 135 million, and half as much again",
    ),
    "palette4": DecoderGates(
        mean_kl=0.75,
        perplexity_ratio=1.5,
        phases_kl=0.05,
        because="as int4: 16 levels, wherever they lie",
    ),
}


def gates_of(precision: str, cache: str = "fp32") -> DecoderGates:
    """The table's line for a precision: `int4-hqq` is judged as `int4`.

    Args:
        cache: what keys and values are stored in, by the table's names. Each limit is the wider of the two.
    """
    own = GATES.get(precision) or GATES[precision.split("-")[0]]
    kept = GATES[cache]
    return replace(
        own,
        mean_kl=max(own.mean_kl, kept.mean_kl),
        perplexity_ratio=max(own.perplexity_ratio, kept.perplexity_ratio),
        phases_kl=max(own.phases_kl, kept.phases_kl),
        max_kl=_wider(own.max_kl, kept.max_kl, max),
        top1=_wider(own.top1, kept.top1, min),
        greedy=_wider(own.greedy, kept.greedy, min),
    )


def _wider(one: float | None, other: float | None, choose: Callable[[float, float], float]) -> float | None:
    return None if one is None or other is None else choose(one, other)


def with_limits(
    gates: DecoderGates,
    *,
    max_kl: float | None = None,
    max_perplexity_ratio: float | None = None,
    min_top1: float | None = None,
) -> DecoderGates:
    """The same with limits of a user's own; None keeps the table's."""
    return replace(
        gates,
        mean_kl=gates.mean_kl if max_kl is None else max_kl,
        perplexity_ratio=gates.perplexity_ratio if max_perplexity_ratio is None else max_perplexity_ratio,
        top1=gates.top1 if min_top1 is None else min_top1,
    )


def judge(parity: DecoderParity, gates: DecoderGates) -> DecoderParity:
    """The same with every gate that can be judged."""
    return replace(parity, gates=tuple(_judged(parity, gates)))


def _judged(parity: DecoderParity, gates: DecoderGates) -> Iterator[Gate]:
    def most(name: str, limit: float, value: float | None) -> Gate:
        known = math.inf if value is None else value
        return Gate(name, limit, known, known <= limit)

    def least(name: str, limit: float, value: float) -> Gate:
        return Gate(name, limit, value, value >= limit)

    yield most("mean KL", gates.mean_kl, parity.mean_kl)
    if gates.max_kl is not None:
        yield most("largest KL", gates.max_kl, parity.max_kl)
    if parity.perplexity is not None and parity.reference_perplexity is not None:
        ratio = parity.perplexity / parity.reference_perplexity
        yield most("perplexity ratio", gates.perplexity_ratio, ratio)
    if gates.top1 is not None:
        yield least("same likeliest token", gates.top1, parity.top1)
    if gates.greedy is not None and parity.written:
        yield least("same continuation", gates.greedy, parity.same / parity.written)
    yield most("at once against token by token, KL", gates.phases_kl, parity.phases_kl)
