"""The protocol for language models, as llama-bench has it: batch 1, tokenization and sampling left out.

All contestants live in one process and take turns in every repeat, in an order drawn anew, so that whatever
the machine does meanwhile hits all of them alike. A turn reads each prompt from empty caches, then decodes.
Everybody reads the same random tokens. The memory's bandwidth is measured in every repeat too, and bounds
each figure: nothing computes a token without reading the weights once.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgekit import progress
from edgekit.benchmark.clock import collector_off
from edgekit.benchmark.llm_bandwidth import Bandwidth
from edgekit.benchmark.llm_contestant import LlmContestant
from edgekit.benchmark.llm_energy import EnergyMeter
from edgekit.errors import DataError
from edgekit.llm_timing import Figure, FirstToken, LlmSettings, LlmTiming

PAUSE_S = 0.05  # after a turn: a runtime's threads wait for work actively for a while
_WARM_UP_TOKENS = 8


def figure(samples: Sequence[float], bound: float | None = None, *, more_is_better: bool = True) -> Figure:
    """Median and spread, and how much of a bound was reached."""
    median = statistics.median(samples)
    sd = statistics.stdev(samples) if len(samples) > 1 else 0.0
    share = None
    if bound is not None:
        share = median / bound if more_is_better else bound / median
    return Figure(median, sd, tuple(samples), bound, share)


def run_llm(
    contestants: Sequence[LlmContestant], settings: LlmSettings, bandwidth: Bandwidth
) -> list[LlmTiming]:
    """Times every contestant.

    Returns:
        A row each, in the order given: what can be measured within this process.

    Raises:
        DataError: nothing to measure, or a prompt or depth that a context doesn't hold; names it.
    """
    _check(contestants, settings)
    random = np.random.default_rng(settings.seed)
    longest = max(*settings.prompts, settings.depth + settings.tokens)
    ids = random.integers(0, min(one.vocabulary for one in contestants), longest).tolist()
    turns = [_Turns(one, settings, ids) for one in contestants]
    with collector_off(), progress.bar("Benchmark", len(turns) * (settings.repeats + 1), "turns") as bar:
        for turn in turns:
            turn.take(min(_WARM_UP_TOKENS, settings.tokens), keep=False)
            bar.advance()
        for _ in range(settings.repeats):
            bandwidth.measure()
            for index in random.permutation(len(turns)):
                time.sleep(PAUSE_S)
                turns[index].take(settings.tokens)
                bar.advance()
        bandwidth.measure()
    return [turn.row(bandwidth.best) for turn in turns]


class _Turns:
    """One contestant's turns, and what they took."""

    def __init__(self, contestant: LlmContestant, settings: LlmSettings, ids: Sequence[int]) -> None:
        self._contestant, self._settings, self._ids = contestant, settings, ids
        self._first_ms: dict[int, list[float]] = {prompt: [] for prompt in settings.prompts}
        self._decode: list[float] = []
        self._joules: list[float | None] = []
        self._meter = EnergyMeter()

    def take(self, tokens: int, *, keep: bool = True) -> None:
        runner, depth = self._contestant.runner, self._settings.depth
        for prompt in self._settings.prompts:
            runner.begin(prompt + 1)
            started = time.perf_counter()
            int(runner.extend(self._ids[:prompt])[-1].argmax())
            if keep:
                self._first_ms[prompt].append(1e3 * (time.perf_counter() - started))
        runner.begin(depth + tokens)
        if depth:
            runner.extend(self._ids[:depth])
        self._meter.start()
        started = time.perf_counter()
        for token in self._ids[depth : depth + tokens]:
            runner.extend([token])
        seconds = time.perf_counter() - started
        if keep:
            self._decode.append(tokens / seconds)
            self._joules.append(self._meter.joules())

    def row(self, bandwidth: float) -> LlmTiming:
        one, settings, traffic = self._contestant, self._settings, self._contestant.traffic
        whole_ms = 1e3 * traffic.at(0) / bandwidth if traffic else None
        mean_depth = settings.depth + (settings.tokens - 1) / 2
        fastest = bandwidth / traffic.at(mean_depth) if traffic else None
        joules = [spent for spent in self._joules if spent is not None]
        row = LlmTiming(one.name, one.runner.name, one.size_bytes, one.compute_units)
        return replace(
            row,
            weight_bytes=traffic.weight_bytes if traffic else None,
            cache_bytes=traffic.cache_bytes if traffic else None,
            first_token=tuple(
                FirstToken(prompt, figure(samples, whole_ms, more_is_better=False))
                for prompt, samples in self._first_ms.items()
            ),
            decode=figure(self._decode, fastest),
            joules_per_token=statistics.median(joules) / settings.tokens if joules else None,
        )


def _check(contestants: Sequence[LlmContestant], settings: LlmSettings) -> None:
    if not contestants:
        raise DataError("There is nothing to benchmark.", remedy="Give at least one model.")
    for one in contestants:
        context = one.runner.context
        for what, needed in (
            *((f"a prompt of {prompt}", prompt + 1) for prompt in settings.prompts),
            (f"{settings.tokens} tokens at depth {settings.depth}", settings.depth + settings.tokens),
        ):
            if needed > context:
                raise DataError(
                    f"{one.name} holds {context} tokens, which is too few for {what}.",
                    remedy="Give shorter --prompt, --tokens or --depth, or export it with a longer context.",
                )
