"""What `build_report` takes: the seams that belong together, side by side."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.ort_format import OrtFile
from edgekit.report.document import Role
from edgekit.types import Artifact, Interval, Parity, Quantized, Timing, Trained


@dataclass(frozen=True, slots=True)
class ModelResult:
    """A teacher or a student: its score and, when it was trained here, its training."""

    name: str
    score: Interval | None = None  # 0–1
    parameters: int | None = None
    size_bytes: int | None = None
    trained: Trained | None = None
    rmse: float | None = None  # regression, in the labels' unit


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """A baseline's score, or why there is none."""

    score: Interval | None = None  # 0–1
    trained: Trained | None = None  # label-only: its training curve is drawn beside the student's
    not_measured: str = ""
    rmse: float | None = None


@dataclass(frozen=True, slots=True)
class ArtifactResult:
    """One exported file and everything that was found out about it."""

    artifact: Artifact
    model: Role
    parity: Parity | None = None
    timing: Timing | None = None  # its main row; more compute units go to `other_timings`
    quantized: Quantized | None = None
    rejected_because: str = ""
    ort: OrtFile | None = None


NOT_ASKED = BaselineResult(not_measured="This command does not train baselines.")
