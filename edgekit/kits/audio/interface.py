"""What a kit has to know of an audio model's front end, and the clips that it carries with their answers."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.errors import ExportError
from edgekit.types import Artifact, Signature

FULL_SCALE = 32_768  # a 16-bit sample divided by it lies in [-1, 1)
HIGHEST_RATE = 384_000  # Hz; the filter of two rates without a common divisor is as long as the higher one


@dataclass(frozen=True, slots=True)
class AudioInput:
    """The two numbers of the preparation."""

    sampling_rate: int  # Hz
    samples: int  # that the model reads


@dataclass(frozen=True, slots=True)
class AudioAnswer:
    """One clip, and what a runner answered."""

    rate: int  # Hz
    pcm: bytes  # `[frames]` 16-bit, little-endian, mono
    output: Sequence[float]  # of the signature's first output: a number for each label

    @property
    def values(self) -> list[float]:
        """`[frames]`, from -1 to 1."""
        return [value / FULL_SCALE for (value,) in struct.iter_unpack("<h", self.pcm)]


def require_audio_input(artifact: Artifact, given: AudioInput) -> None:
    """Lets a model pass that takes what a kit prepares.

    Raises:
        ExportError: its inputs are others.
    """
    shapes = [(spec.dtype, tuple(spec.shape[1:])) for spec in artifact.signature.inputs]
    if shapes != [("float32", (given.samples,))]:
        raise ExportError(
            f"{artifact.name} does not take one float32 clip of {given.samples} samples.",
            remedy="Export it with edgekit, with the preprocessor_config.json beside it.",
        )


def audio_samples_json(signature: Signature, answers: Sequence[AudioAnswer]) -> dict[str, Any]:
    """The content of a kit's `samples.json`; PCM is base64 (RFC 4648)."""
    return {
        "format": "edgekit audio samples 1.0",
        "model": {"output": signature.outputs[0].name, "labels": list(signature.labels)},
        "samples": [
            {
                "rate": one.rate,
                "pcm": base64.b64encode(one.pcm).decode("ascii"),
                "output": [float(value) for value in one.output],
            }
            for one in answers
        ],
    }
