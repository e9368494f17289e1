"""Clips of noise that tell resamplers apart, with what Python's front end makes of them.

Noise holds every frequency, so that a filter of another shape shows; and it follows from a number, so that
long clips take no room in a kit.
"""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.files import atomic
from edgekit.kits.audio.interface import FULL_SCALE, AudioInput

# Common rates, and one that has no divisor in common with any.
RATES = (7919, 8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)  # Hz
FRAMES = (1, 2, 3, 50, 101, 400, 1999)
CHANNELS = (1, 2, 1, 6)  # in turn
SMALL = (AudioInput(16_000, 100), AudioInput(8000, 101), AudioInput(44_100, 64))
LONG_RATES = (8000, 16_000, 44_100)  # Hz, of clips that are longer than the model's own
KEPT = 128  # values of a prepared clip

# `[channels, frames]` in [-1, 1], its rate in Hz → `[samples]` float32; as `reference.prepare`.
Prepare = Callable[[Sequence[Sequence[float]], int, AudioInput], Sequence[float]]


@dataclass(frozen=True, slots=True)
class GoldenClip:
    """A clip, a preparation, and what it gives."""

    seed: int  # of the noise; see `noise`
    channels: int
    frames: int
    rate: int  # Hz
    input: AudioInput
    waveform: array[float]  # `[samples]` float32


def golden_clips(prepare: Prepare, own: AudioInput) -> tuple[GoldenClip, ...]:
    """Every rate and length under small preparations in turn and under the model's own, and longer ones.

    Args:
        prepare: Python's front end; it is right by definition.
        own: of the model.
    """
    made: list[GoldenClip] = []

    def add(frames: int, rate: int, given: AudioInput) -> None:
        seed, channels = len(made) + 1, CHANNELS[len(made) % len(CHANNELS)]
        waveform = array("f", prepare(clip(seed, channels, frames), rate, given))
        made.append(GoldenClip(seed, channels, frames, rate, given, waveform))

    for i, rate in enumerate(RATES):
        for j, frames in enumerate(FRAMES):
            add(frames, rate, SMALL[(i + j) % len(SMALL)])
            add(frames, rate, own)
    for rate in LONG_RATES:
        add(-(-own.samples * rate // own.sampling_rate) + 1235, rate, own)
    return tuple(made)


def clip(seed: int, channels: int, frames: int) -> list[list[float]]:
    """`[channels, frames]` of noise; frame after frame, the channels of one beside each other."""
    values = [value / FULL_SCALE for value in noise(seed, channels * frames)]
    return [values[channel::channels] for channel in range(channels)]


def noise(seed: int, count: int) -> Iterator[int]:
    """16-bit numbers: the high halves of Marsaglia's xorshift32 (2003), which every language has alike.

    Args:
        seed: 1 to 2³² - 1.
    """
    state = seed
    for _ in range(count):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        high = state >> 16
        yield high - 65_536 if high >= FULL_SCALE else high


def write_golden_clips(clips: Sequence[GoldenClip], path: Path) -> Path:
    """One clip per line: seed, channels, frames, rate, sampling_rate, samples, step, values.

    Values are every `step`-th of the waveform from the first on: little-endian float32 in base64 (RFC 4648).
    """
    with atomic(path) as temporary:
        temporary.write_text("".join(map(_line, clips)), encoding="ascii", newline="\n")
    return path


def _line(one: GoldenClip) -> str:
    given = one.input
    step = -(-given.samples // KEPT)
    values = one.waveform[::step]
    if sys.byteorder == "big":
        values.byteswap()
    numbers = (one.seed, one.channels, one.frames, one.rate, given.sampling_rate, given.samples, step)
    return f"{' '.join(map(str, numbers))} {base64.b64encode(values.tobytes()).decode()}\n"
