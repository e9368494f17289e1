"""What an artifact says of itself: its signature and provenance, under the same keys in every format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit.codec import dumps, from_json
from edgekit.errors import ModelError
from edgekit.types import Signature

SIGNATURE_KEY = "edgekit.signature"
PROVENANCE_KEY = "edgekit.provenance"
PRECISION_KEY = "edgekit.precision"
PARAMETERS_KEY = "edgekit.parameters"
RANGES_KEY = "edgekit.input_ranges"  # layer → smallest and largest value of its input, learned in training
SIDECAR = "edgekit.json"  # signature, provenance and ranges, beside a Hub-layout model folder


def read_signature(metadata: Mapping[str, Any], *, path: Path) -> Signature:
    """The signature in an artifact's metadata.

    Raises:
        ModelError: the artifact carries none, or one that can't be read.
    """
    told = metadata.get(SIGNATURE_KEY)
    if told is None:
        raise ModelError(
            f"{path} has no edgekit signature: its labels and maximum length are unknown.",
            remedy="Export it again with: edgekit export MODEL --target onnx (or another).",
        )
    try:
        return from_json(Signature, json.loads(told) if isinstance(told, str) else told)
    except ValueError as error:
        raise ModelError(
            f"{path} carries a damaged edgekit signature: {error}",
            remedy="Export the model again.",
        ) from error


def describe(
    signature: Signature, provenance: Mapping[str, Any], *, precision: str, parameters: int
) -> dict[str, str]:
    """What an exporter writes into an artifact: for edgekit, and in plain keys for everybody else."""
    from edgekit import __version__

    return {
        SIGNATURE_KEY: dumps(signature),
        PROVENANCE_KEY: dumps(provenance),
        PRECISION_KEY: precision,
        PARAMETERS_KEY: str(parameters),
        "edgekit.version": __version__,
        "labels": dumps(list(signature.labels)),
        "max_length": str(signature.max_length or ""),
    }
