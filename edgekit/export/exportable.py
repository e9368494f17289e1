"""What every target's exporter takes: a graph-ready module, its interface and its front end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.files import sha256_path, size_bytes
from edgekit.types import Artifact, Signature


@dataclass(frozen=True, slots=True)
class Exportable:
    """A model ready to be written for a device.

    `module(*inputs in signature order) → the signature's output`, fp32, CPU, evaluation mode.
    """

    name: str
    module: Any
    signature: Signature
    processor: Any
    example: Mapping[str, Any]  # input name → tensor `[2, L]` with padding in the last row, or `[2, …]`
    provenance: Mapping[str, Any]  # hashes of what it was made from
    parameters: int


def artifact(
    path: Path, *, name: str, target: str, precision: str, signature: Signature, parameters: int
) -> Artifact:
    """Describes a file or package that was just written."""
    return Artifact(
        name=name,
        path=path,
        target=target,
        precision=precision,
        signature=signature,
        size_bytes=size_bytes(path),
        sha256=sha256_path(path),
        parameters=parameters,
    )
