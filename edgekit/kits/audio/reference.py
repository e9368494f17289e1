"""What an app does with a clip, in plain Python: the text that three languages port.

Channels are averaged, the clip is resampled as `scipy.signal.resample_poly` does it with its default window,
and the middle is cut out. The filter is a windowed sinc (Oppenheim & Schafer, Discrete-Time Signal
Processing, 7.5.3) that is as wide as ten periods of the lower rate on either side; a Kaiser window's constant
goes out with the scale that makes the taps add up. Nothing outside the cut is computed.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from functools import lru_cache

from edgekit.kits.audio.interface import HIGHEST_RATE, AudioInput

PERIODS = 10  # of the lower rate, on either side of the filter's middle
BETA = 5.0  # of the Kaiser window


def prepare(channels: Sequence[Sequence[float]], rate: int, given: AudioInput) -> array[float]:
    """A clip as the model reads it.

    Args:
        channels: `[channels, frames]`, in [-1, 1].
        rate: of the clip, Hz.

    Returns:
        `[samples]` float32; 0 where the model reads more than there is.

    Raises:
        ValueError: there is no frame, a channel is of another length, or the rate is none of a clip.
    """
    frames = len(channels[0]) if channels else 0
    if frames < 1 or any(len(one) != frames for one in channels) or not 1 <= rate <= HIGHEST_RATE:
        raise ValueError(f"{len(channels)} channels of {frames} frames at {rate} Hz are no clip")
    divisor = math.gcd(given.sampling_rate, rate)
    up, down = given.sampling_rate // divisor, rate // divisor
    taps = filter_taps(up, down)
    half = len(taps) - 1
    length = -(-frames * up // down)
    # Towards zero: a longer clip begins at the lower half, a shorter one has the lower half of zeros before.
    first = int((length - given.samples) / 2)
    begin, end = max(first, 0), min(first + given.samples, length)
    low = _first_frame(begin * down - half, up)
    high = min((((end - 1) * down + half) // up) + 1, frames)
    mono = [_mean(channels, frame) for frame in range(low, high)]
    made = array("f", bytes(4 * given.samples))
    for place in range(begin, end):
        centre = place * down  # in steps of the rate that both divide
        total = 0.0
        for frame in range(_first_frame(centre - half, up), min((centre + half) // up + 1, frames)):
            total += taps[abs(centre - frame * up)] * mono[frame - low]
        made[place - first] = total
    return made


@lru_cache(maxsize=16)
def filter_taps(up: int, down: int) -> tuple[float, ...]:
    """The filter from its middle to its end; the other half is its mirror image.

    Args:
        up, down: the rates in lowest terms.

    Returns:
        `[10 * max(up, down) + 1]`: a windowed sinc whose sum, both halves together, is `up`.
    """
    if up == down:
        return (1.0,)
    widest = max(up, down)
    half = PERIODS * widest
    taps = [1.0 * bessel_i0(BETA)]
    for place in range(1, half + 1):
        angle = math.pi * place / widest
        window = bessel_i0(BETA * math.sqrt(1.0 - (place / half) ** 2))
        taps.append(math.sin(angle) / angle * window)
    total = taps[0]
    for tap in taps[1:]:
        total += 2.0 * tap
    return tuple(tap * up / total for tap in taps)


def bessel_i0(x: float) -> float:
    """The modified Bessel function of the first kind, of order 0: the sum of (x²/4)^k / (k!)²."""
    total = term = 1.0
    k = 1
    while term > 1e-17 * total:
        term *= (x / (2 * k)) ** 2
        total += term
        k += 1
    return total


def _mean(channels: Sequence[Sequence[float]], frame: int) -> float:
    total = 0.0
    for channel in channels:
        total += channel[frame]
    return total / len(channels)


def _first_frame(place: int, up: int) -> int:
    """The first frame at or after a place."""
    return max(-(-place // up), 0)
