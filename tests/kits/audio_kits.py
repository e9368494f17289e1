"""A tiny audio classifier as ONNX, clips, and kits around it."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import resample_poly

from edgekit.kits.audio import AudioInput


def waveform(pcm: np.ndarray, rate: int, given: AudioInput) -> np.ndarray:
    """What an app has to do, by scipy: `[channels, frames]` → `[samples]` float32."""
    mono = pcm.astype(np.float64).sum(axis=0) / len(pcm)
    divisor = math.gcd(given.sampling_rate, rate)
    if rate != given.sampling_rate:
        mono = resample_poly(mono, given.sampling_rate // divisor, rate // divisor)
    made = np.zeros(given.samples)
    over = len(mono) - given.samples
    if over >= 0:
        made[:] = mono[over // 2 : over // 2 + given.samples]
    else:
        made[-over // 2 : -over // 2 + len(mono)] = mono
    return made.astype(np.float32)
