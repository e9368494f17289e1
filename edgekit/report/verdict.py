"""What may be said of an artifact. "Verified" is kept for files that were run and compared."""

from __future__ import annotations

from edgekit.report.document import ArtifactRecord, GateRecord
from edgekit.report.table import Cell

_TARGETS = {
    "onnx": "ONNX",
    "onnxruntime": "ONNX Runtime",
    "coreml": "Core ML",
    "coreai": "Core AI",
    "pytorch": "PyTorch",
}


def verdict(artifact: ArtifactRecord) -> Cell:
    """One word or two, with its tone."""
    parity = artifact.parity
    if artifact.rejected:
        return Cell("rejected", note=artifact.rejected_because, tone="bad")
    if parity is None:
        return Cell("not compared", tone="quiet")
    if parity.executed:
        return Cell("verified", tone="good") if parity.passed else Cell("failed", tone="bad")
    if parity.passed:
        return Cell("not executed", note="structure checked", tone="quiet")
    return Cell("not executed", note="structure check failed", tone="bad")


def is_verified(artifact: ArtifactRecord) -> bool:
    """Whether the file was run, compared, and held every promise."""
    parity = artifact.parity
    return not artifact.rejected and parity is not None and parity.executed and parity.passed


def gate_result(gate: GateRecord) -> Cell:
    """Whether one promise held."""
    return Cell("held", tone="good") if gate.passed else Cell("not held", tone="bad")


def target_name(target: str) -> str:
    """A target as its makers write it."""
    return _TARGETS.get(target, target)


def kind(artifact: ArtifactRecord) -> str:
    """What the file is, without whose: `int8 ONNX`."""
    return f"{artifact.precision} {target_name(artifact.target)}"
