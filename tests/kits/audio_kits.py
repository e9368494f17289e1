"""A tiny audio classifier as ONNX and Core ML, sounds, and its kits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
from tiny_kits import passed

from edgekit.export.coreml import export_coreml
from edgekit.export.exportable import Exportable
from edgekit.export.onnx import export_onnx
from edgekit.kits.audio import AudioInput
from edgekit.kits.manifest import Bundle
from edgekit.models import families
from edgekit.models.audio.front_end import AudioFrontEnd
from edgekit.models.tasks import dummy_inputs
from edgekit.signatures import WAVEFORM
from edgekit.stages.bundling import bundle
from edgekit.tasks import get_task
from edgekit.types import Artifact, Parity
from tests.audio_examples import RATE, SAMPLES, TASK, tiny_model, tiny_network, write_wav

LABELS = ("</script>", "<b>rising</b>")  # in the place of "falling" and "rising"
GIVEN = AudioInput(RATE, SAMPLES)
FRONT = AudioFrontEnd(RATE, SAMPLES)
SOUNDS = ((8000, 0.5, 1), (16_000, 0.2, 1), (44_100, 0.4, 2), (11_025, 0.1, 1))  # Hz, seconds, channels


def audio_onnx(folder: Path) -> Artifact:
    """Exported with its front end beside it."""
    return export_onnx(_exportable(folder, LABELS), folder / "model.onnx")


def audio_coreml(folder: Path, *, labels: tuple[str, ...] = LABELS) -> Artifact:
    """The same as a Core ML package."""
    return export_coreml(_exportable(folder, labels), folder / "model.mlpackage")


def _exportable(folder: Path, labels: tuple[str, ...]) -> Exportable:
    signature = FRONT.signature(get_task(TASK), labels)
    model = replace(tiny_model(), module=tiny_network(labels), signature=signature)
    FRONT.save_pretrained(folder)
    return Exportable(
        name="tiny",
        module=families.export_module(model.module, task=TASK),
        signature=signature,
        processor=FRONT,
        example=dummy_inputs(model.module, signature, batch=2, length=1),
        provenance={},
        parameters=model.parameters,
    )


def tones(rate: int, seconds: float, *, channels: int = 1, seed: int = 0) -> np.ndarray:
    """`[channels, frames]` float32 of 16-bit values: two tones and noise."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    low, high = random.uniform(80, 400), random.uniform(900, 3000)
    wave = 0.4 * np.sin(2 * np.pi * low * time) + 0.2 * np.sin(2 * np.pi * high * time)
    values = wave + random.normal(0, 0.02, (channels, len(time)))
    return (np.rint(values * 32_768) / 32_768).astype(np.float32)


def sound_files(folder: Path) -> list[str]:
    """Paths of WAV files of several rates and lengths."""
    return [
        str(write_wav(folder / f"{i}.wav", tones(rate, seconds, channels=channels, seed=i), rate=rate))
        for i, (rate, seconds, channels) in enumerate(SOUNDS)
    ]


def probabilities(artifact: Artifact, pcm: np.ndarray, rate: int) -> dict[str, float]:
    """By ONNX Runtime in Python."""
    session = onnxruntime.InferenceSession(str(artifact.path))
    [logits] = session.run(None, {WAVEFORM: FRONT.waveform(pcm, rate)[None]})[0]
    powers = np.exp(logits - logits.max())
    return dict(zip(LABELS, (powers / powers.sum()).tolist(), strict=True))


def audio_kit(
    artifact: Artifact,
    sounds: Sequence[str],
    folder: Path,
    *,
    name: str = "tiny",
    platform: str = "web",
    parity: Parity | None = None,
) -> Bundle:
    return bundle(
        artifact,
        parity or passed(artifact),
        folder,
        platform=platform,
        name=name,
        texts=sounds,
        licences={"student": "Apache-2.0"},
    )
