"""A benchmark row for an artifact that could not be run here: nothing is left out in silence."""

from __future__ import annotations

from edgekit.types import Artifact, Timing


def not_measured_row(artifact: Artifact, why: str, *, compute_units: str | None = None) -> Timing:
    """What is known of an artifact without running it.

    Args:
        artifact: the file or package.
        why: shown in place of its figures: "Core ML runs on macOS only".
        compute_units: Core ML only, the unit this row would have used.
    """
    return Timing(
        artifact=artifact.name,
        protocol="none",
        runtime="none",
        parameters=artifact.parameters,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        warmup=0,
        runs=0,
        pass_seconds=None,
        p50_ms=None,
        p90_ms=None,
        p99_ms=None,
        end_to_end_p50_ms=None,
        end_to_end_p90_ms=None,
        end_to_end_p99_ms=None,
        peak_bytes=None,
        score=None,
        retained=None,
        speedup=None,
        compute_units=compute_units,
        not_measured=why,
    )
