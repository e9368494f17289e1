"""What the protocol for language models measured: settings, a row for each model, and what bounds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """What is read and written."""

    prompts: tuple[int, ...] = (128, 512)  # tokens of each prompt, from empty caches
    tokens: int = 128  # decoded one after another
    depth: int = 0  # tokens in the caches before the first of them
    repeats: int = 5  # after a warm-up
    threads: int = 1
    seed: int = 0  # of the tokens and of the order of turns


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure over all repeats."""

    median: float
    sd: float  # of the sample; 0 for one repeat
    samples: tuple[float, ...]
    bound: float | None = None  # what the memory's bandwidth allows, in the same unit
    share: float | None = None  # of the bound that was reached, 0–1


@dataclass(frozen=True, slots=True)
class FirstToken:
    """A prompt's reading, until the first token after it is known."""

    prompt: int  # tokens
    ms: Figure

    @property
    def tokens_per_second(self) -> float:
        """Of the prompt: the speed of prefill."""
        return 1e3 * self.prompt / self.ms.median


@dataclass(frozen=True, slots=True)
class LlmTiming:
    """One model's row; a field not measured is None or empty."""

    model: str
    runtime: str
    size_bytes: int
    compute_units: str | None = None
    weight_bytes: int | None = None  # read for every token
    cache_bytes: int | None = None  # read for every token of its past
    first_token: tuple[FirstToken, ...] = ()
    decode: Figure | None = None  # tokens per second
    load_ms: Figure | None = None  # in a process of its own, its file in the page cache
    peak_bytes: int | None = None  # of that process
    joules_per_token: float | None = None  # decoding; of the whole processor, other work included
    perplexity: float | None = None  # on given texts, by its own tokens
    kl: float | None = None  # nats per token, from the teacher
    top1: float | None = None  # share of positions at which it and the teacher agree on the likeliest token
    scored_tokens: int | None = None
    not_measured: str = ""


@dataclass(frozen=True, slots=True)
class LlmBench:
    """Rows, and what they were measured on and with."""

    rows: tuple[LlmTiming, ...]
    settings: LlmSettings
    bandwidth_bytes_per_s: float  # reading, with the same number of threads, in the same run
    environment: Mapping[str, Any]
