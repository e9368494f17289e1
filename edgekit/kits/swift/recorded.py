"""What a package's `samples.json` tells the stand-in for Core ML, beside what its tests read there."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from edgekit.kits.swift.interface import Interface
from edgekit.tasks import get_task
from edgekit.types import Artifact


def recorded_interface(artifact: Artifact, interface: Interface) -> dict[str, Any]:
    """How the model is called and how it answers; see `StandIns/CoreML/RecordedAnswers.swift`."""
    signature = artifact.signature
    return {
        "inputs": [spec.name for spec in signature.inputs],
        "output": signature.outputs[0].name,
        "width": signature.outputs[0].shape[-1],
        "labels": list(signature.labels),
        "lengths": list(interface.lengths),
        "probabilities": interface.probabilities,
        "perToken": get_task(signature.task).per_token,
    }


def recorded_tensor(shape: Sequence[int], values: Sequence[float]) -> dict[str, Any]:
    """A float32 input, by which the stand-in finds an answer: its shape, and the checksum (RFC 1950) of it.

    Args:
        values: as the package's code gives them to the model, to the last bit, row after row.
    """
    return {"shape": list(shape), "adler32": zlib.adler32(struct.pack(f"<{len(values)}f", *values))}


def as_json(value: Any) -> str:
    """One line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n"
