"""A tiny audio classifier as ONNX, clips, and kits around it."""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from scipy.signal import resample_poly
from tiny_kits import passed

from edgekit.export.exportable import Exportable
from edgekit.export.onnx import export_onnx
from edgekit.kits.audio import AudioInput
from edgekit.kits.audio.interface import INPUT, TASK
from edgekit.kits.manifest import Bundle
from edgekit.stages.audio_bundling import bundle_audio
from edgekit.types import Artifact, Parity, Signature, TensorSpec

LABELS = ("</script>", "<b>low</b>", "high")
GIVEN = AudioInput(16_000, 4000)


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


def logits(artifact: Artifact, pcm: np.ndarray, rate: int) -> np.ndarray:
    """By ONNX Runtime in Python, `[labels]`."""
    session = onnxruntime.InferenceSession(str(artifact.path))
    return session.run(None, {INPUT: waveform(pcm, rate, GIVEN)[None]})[0][0]


class TinyNetwork(torch.nn.Module):
    """Eight filters over 20 ms, their mean power's logarithm, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.filters = torch.nn.Conv1d(1, 8, 320, stride=160)
        self.classifier = torch.nn.Linear(8, len(LABELS))

    def forward(self, input_values: torch.Tensor) -> torch.Tensor:
        power = self.filters(input_values[:, None]).square().mean(-1)
        return self.classifier(torch.log(power + 1e-3))


def audio_signature(given: AudioInput = GIVEN) -> Signature:
    return Signature(
        task=TASK,
        inputs=(TensorSpec(INPUT, ("batch", given.samples), "float32"),),
        outputs=(TensorSpec("logits", ("batch", len(LABELS)), "float32"),),
        labels=LABELS,
    )


def audio_model(given: AudioInput = GIVEN) -> Exportable:
    module = TinyNetwork().eval()
    return Exportable(
        name="tiny",
        module=module,
        signature=audio_signature(given),
        processor=None,
        example={INPUT: torch.zeros(2, given.samples)},
        provenance={},
        parameters=sum(p.numel() for p in module.parameters()),
    )


def audio_onnx(folder: Path, given: AudioInput = GIVEN) -> Artifact:
    return export_onnx(audio_model(given), folder / "model.onnx")


def tones(rate: int, seconds: float, *, channels: int = 1, seed: int = 0) -> np.ndarray:
    """`[channels, frames]` float32 of 16-bit values: two tones and noise."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    low, high = random.uniform(80, 400), random.uniform(900, 3000)
    wave = 0.4 * np.sin(2 * np.pi * low * time) + 0.2 * np.sin(2 * np.pi * high * time)
    values = wave + random.normal(0, 0.02, (channels, len(time)))
    return (np.rint(values * 32_768) / 32_768).astype(np.float32)


def wav(pcm: np.ndarray, rate: int, *, bits: int) -> bytes:
    """A file of integers."""
    values = np.rint(pcm.T.astype(np.float64) * 2 ** (bits - 1)).astype(np.int64)
    held = values.astype(np.int32).astype("<i4").tobytes()
    width = bits // 8
    body = b"".join(held[i : i + width] for i in range(0, len(held), 4))
    if width == 1:
        body = (values + 128).astype(np.uint8).tobytes()
    made = io.BytesIO()
    with wave.open(made, "wb") as stream:
        stream.setnchannels(len(pcm))
        stream.setsampwidth(width)
        stream.setframerate(rate)
        stream.writeframes(body)
    return made.getvalue()


CLIPS = ((16_000, 0.3, 1), (8000, 0.2, 1), (44_100, 0.4, 2), (22_050, 0.1, 1))  # Hz, seconds, channels


def audio_clips() -> list[tuple[np.ndarray, int]]:
    return [
        (tones(rate, seconds, channels=channels, seed=i), rate)
        for i, (rate, seconds, channels) in enumerate(CLIPS)
    ]


def audio_kit(
    artifact: Artifact,
    folder: Path,
    *,
    name: str = "tiny",
    platform: str = "web",
    clips: Sequence[tuple[np.ndarray, int]] | None = None,
    parity: Parity | None = None,
) -> Bundle:
    return bundle_audio(
        artifact,
        parity or passed(artifact),
        folder,
        platform=platform,
        name=name,
        given=GIVEN,
        waveform=waveform,
        clips=audio_clips() if clips is None else clips,
        licences={"student": "Apache-2.0"},
    )
