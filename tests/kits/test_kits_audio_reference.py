"""The preparation in plain Python is scipy's resampling; golden clips hold what the front end gives."""

from __future__ import annotations

import base64
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.signal import resample_poly
from scipy.special import i0

from edgekit.kits.audio import AudioInput, golden_clips, write_golden_clips
from edgekit.kits.audio.golden import FRAMES, KEPT, LONG_RATES, RATES, clip, noise
from edgekit.kits.audio.reference import bessel_i0, filter_taps, prepare
from edgekit.models.audio.front_end import AudioFrontEnd
from edgekit.stages.audio_bundling import prepared

COMMON = (8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)  # Hz


def by_scipy(channels: Sequence[Sequence[float]], rate: int, asked: AudioInput) -> np.ndarray:
    """The front end."""
    return AudioFrontEnd(asked.sampling_rate, asked.samples).waveform(np.array(channels, np.float32), rate)


def worst(channels: Sequence[Sequence[float]], rate: int, asked: AudioInput) -> float:
    made, right = prepare(channels, rate, asked), by_scipy(channels, rate, asked)
    assert len(made) == len(right) == asked.samples
    return float(np.abs(np.array(made, np.float64) - right).max())


@pytest.mark.parametrize("target", [8000, 16_000])
@pytest.mark.parametrize("rate", COMMON)
def test_common_rates_are_scipys(rate: int, target: int) -> None:
    for frames, channels, samples in (
        (1, 1, 5),
        (2, 2, 8),
        (3, 1, 3),
        (77, 2, 31),
        (640, 6, 333),
        (501, 1, 9),
    ):
        assert worst(clip(frames, channels, frames), rate, AudioInput(target, samples)) < 2e-7


@settings(max_examples=80, deadline=None)
@given(
    some.integers(1, 400), some.integers(1, 400), some.integers(1, 90), some.integers(1, 60),
    some.integers(1, 4), some.integers(1, 2**32 - 1),
)  # fmt: skip
def test_any_rates_and_lengths_are_scipys(
    rate: int, target: int, frames: int, samples: int, channels: int, seed: int
) -> None:
    assert worst(clip(seed, channels, frames), rate, AudioInput(target, samples)) < 5e-7


def test_in_64_bits_the_filter_is_scipys_to_the_last_digits() -> None:
    """An impulse shows the filter."""
    for up, down in ((160, 441), (320, 441), (1, 3), (2, 1), (16_000, 7919)):
        taps = np.array(filter_taps(up, down))
        frames = 2 * len(taps) // up + 3
        impulse = np.zeros(frames)
        impulse[frames // 2] = 1.0
        right = resample_poly(impulse, up, down)
        places = np.abs(np.arange(len(right)) * down - frames // 2 * up)
        made = np.where(places < len(taps), taps[np.minimum(places, len(taps) - 1)], 0.0)
        assert np.abs(made - right).max() < 1e-13


def test_the_series_is_the_bessel_function() -> None:
    x = np.linspace(0, 5, 200)
    assert np.allclose([bessel_i0(value) for value in x], i0(x), rtol=1e-15, atol=0)


def test_the_same_rate_leaves_the_values_and_channels_are_averaged() -> None:
    made = prepare([[0.5, -0.25, 1.0], [0.25, 0.25, -1.0]], 8000, AudioInput(8000, 3))
    assert list(made) == [0.375, 0.0, 0.0]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [(3, [0, 0, 1, 2, 3, 0, 0]), (4, [0, 1, 2, 3, 4, 0, 0]), (9, [2, 3, 4, 5, 6, 7, 8]),
     (10, [2, 3, 4, 5, 6, 7, 8])],
)  # fmt: skip
def test_the_middle_is_cut_out_and_zeros_stand_around(frames: int, expected: list[int]) -> None:
    values = [[float(i + 1) for i in range(frames)]]
    assert list(prepare(values, 8000, AudioInput(8000, 7))) == expected
    assert by_scipy(values, 8000, AudioInput(8000, 7)).tolist() == expected


@pytest.mark.parametrize(
    ("channels", "rate"), [([], 8000), ([[]], 8000), ([[1.0], []], 8000), ([[1.0]], 0), ([[1.0]], 400_000)]
)
def test_what_is_no_clip_is_refused(channels: list[list[float]], rate: int) -> None:
    with pytest.raises(ValueError, match="are no clip"):
        prepare(channels, rate, AudioInput(8000, 7))


def test_noise_is_of_all_16_bit_numbers() -> None:
    values = list(noise(7, 100_000))
    assert min(values) < -32_700 and max(values) > 32_700 and abs(np.mean(values)) < 200
    assert values[:3] == list(noise(7, 3)) != list(noise(8, 3))


@pytest.mark.parametrize("own", [AudioInput(16_000, 3000), AudioInput(8000, 90)])
def test_golden_clips_are_written_with_what_the_front_end_gives(own: AudioInput, tmp_path: Path) -> None:
    clips = golden_clips(prepared, own)
    assert len(clips) == 2 * len(RATES) * len(FRAMES) + len(LONG_RATES)
    path = write_golden_clips(clips, tmp_path / "golden.txt")
    assert path.stat().st_size < 150_000
    for one, line in zip(clips, path.read_text(encoding="ascii").splitlines(), strict=True):
        *numbers, values = line.split(" ")
        seed, channels, frames, rate, target, samples, step = map(int, numbers)
        kept = array("f", base64.b64decode(values))
        assert (seed, channels, frames, rate) == (one.seed, one.channels, one.frames, one.rate)
        assert len(kept) <= KEPT and list(kept) == list(one.waveform[::step])
        if one.frames < 500:
            made = prepare(clip(seed, channels, frames), rate, AudioInput(target, samples))
            assert np.abs(np.array(made) - np.array(one.waveform)).max() < 5e-7
