"""A tiny but real sound classifier and sounds that it can learn to tell apart."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import torch

from edgekit.models.audio.front_end import AudioFrontEnd
from edgekit.models.audio.modeling import EfficientNetLiteAudioConfig, EfficientNetLiteForAudioClassification
from edgekit.models.small.register import register
from edgekit.tasks import get_task
from edgekit.types import Model, Source
from tests.image_examples import BLOCKS, away_from_identity

CLASSES = ("falling", "rising")
RATE, SAMPLES, BANDS = 8_000, 3_200, 24
TASK = "audio-classification"


def tiny_network(labels: tuple[str, ...] = CLASSES, **settings) -> EfficientNetLiteForAudioClassification:
    """The blocks of the tiny image classifier behind a spectrogram of 24 bands and 38 frames."""
    register()
    torch.manual_seed(0)
    shape = {"stem_width": 4, "blocks": BLOCKS, "hidden_size": 192, "dropout": 0.0}
    heard = {"sampling_rate": RATE, "samples": SAMPLES, "mel_bands": BANDS}
    config = EfficientNetLiteAudioConfig(id2label=dict(enumerate(labels)), **{**shape, **heard, **settings})
    return away_from_identity(EfficientNetLiteForAudioClassification(config))


def tiny_model(name: str = "tiny", **settings) -> Model:
    """The network with its front end."""
    front_end = AudioFrontEnd(RATE, SAMPLES)
    signature = front_end.signature(get_task(TASK), CLASSES)
    return Model(name, tiny_network(**settings), front_end, signature, Source("tiny", "0" * 64, Path()))


def sweep(kind: str, seed: int, frames: int = SAMPLES) -> np.ndarray:
    """A tone of falling or rising pitch in noise, `[frames]` float32."""
    random = np.random.default_rng([seed, CLASSES.index(kind)])
    low, high = random.uniform(200, 500), random.uniform(1500, 3000)
    pitch = np.linspace(low, high, frames)[:: 1 if kind == "rising" else -1]
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / RATE + random.uniform(0, 6))
    made = 10 ** random.uniform(-1.5, -0.3) * tone + random.normal(0, 0.01, frames)
    return made.clip(-1, 1).astype(np.float32)


def write_wav(path: Path, pcm: np.ndarray, *, rate: int = RATE, width: int = 2) -> Path:
    """PCM `[frames]` or `[channels, frames]` in [−1, 1] as integers of `width` bytes."""
    channels = np.atleast_2d(pcm)
    top = 2 ** (8 * width - 1)
    values = (channels.T.astype(np.float64) * top).round().clip(-top, top - 1).astype(np.int64)
    if width == 1:
        values += 128
    held = values.astype("<i8")[..., None].view(np.uint8)[..., :width].tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(len(channels))
        stream.setsampwidth(width)
        stream.setframerate(rate)
        stream.writeframes(held)
    return path


def save_sounds(folder: Path, count: int) -> Path:
    """`folder/CLASS/N.wav`, `count` of each class, of three lengths."""
    for kind in CLASSES:
        for i in range(count):
            frames = SAMPLES + (i % 3 - 1) * 400
            write_wav(folder / kind / f"{i:03}.wav", sweep(kind, i, frames))
    return folder
