"""The report of a distilled decoder: what was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from edgekit.decoder_parity import DecoderParity
from edgekit.device_result import DeviceResult
from edgekit.llm_timing import LlmBench, LlmTiming
from edgekit.report.document import KitRecord
from edgekit.report.verdict import target_name
from edgekit.types import CurvePoint, Interval


@dataclass(frozen=True, slots=True)
class DecoderFigures:
    """One model on the held-out text. Intervals of 95 %, over blocks of text."""

    name: str
    parameters: int
    size_bytes: int  # of its fp32 weights
    perplexity: Interval
    kl: Interval | None  # KL(teacher ‖ model) in nats a token; None: the teacher itself
    same: Interval | None  # share of tokens whose likeliest token is the teacher's
    seconds: float  # of its training
    curve: tuple[CurvePoint, ...]  # validation score: 1 / perplexity
    vocabulary: int | None = None  # tokens; None in a report of an older version
    compared: float | None = None  # share of the tokens that `kl` and `same` are of; None: all

    @property
    def title(self) -> str:
        """Its name for readers."""
        return {"label-only": "Texts alone"}.get(self.name, self.name.capitalize())


@dataclass(frozen=True, slots=True)
class ExportedDecoder:
    """One artifact of the student, and how far it is from it."""

    name: str
    path: str  # relative to the report
    size_bytes: int
    parity: DecoderParity
    rejected_because: str
    sha256: str = ""  # of the file or folder; empty in a report of an older version

    @property
    def kind(self) -> str:
        """What it is, without whose: `int4 ONNX Runtime`."""
        target = {".mlpackage": "coreml", ".aimodel": "coreai"}.get(PurePath(self.path).suffix, "onnxruntime")
        return f"{self.parity.precision} {target_name(target)}"


@dataclass(frozen=True, slots=True)
class LanguageReport:
    """A whole run."""

    task: str
    name: str
    description: str
    command: str
    created: str  # ISO 8601
    recipe_yaml: str
    teacher: DecoderFigures
    student: DecoderFigures
    label_only: DecoderFigures | None  # the same layers, taught by the texts alone
    kl_gain: Interval | None  # nats a token that the teacher saved: label-only's KL − the student's, paired
    documents: Mapping[str, int]  # split → documents
    tokens: Mapping[str, int]  # split → tokens that are predicted
    dropped: Mapping[str, int]
    sources: Sequence[Mapping[str, Any]]  # name, uri, sha256, license
    artifacts: tuple[ExportedDecoder, ...]
    stages: Sequence[Mapping[str, Any]]  # name, seconds, reused
    environment: Mapping[str, Any]
    devices: tuple[DeviceResult, ...] = ()  # what kits measured of these artifacts
    kits: tuple[KitRecord, ...] = ()  # those that could not be written included
    speeds: LlmBench | None = None  # of the artifacts, on this machine; None: not measured
    edgekit_version: str = ""  # empty in a report of an older version

    @property
    def models(self) -> tuple[DecoderFigures, ...]:
        """Teacher, student, and the label-only student if there is one."""
        found = (self.teacher, self.student, self.label_only)
        return tuple(one for one in found if one is not None)

    def speed_of(self, artifact: str) -> LlmTiming | None:
        """What an artifact took on this machine; on a Mac by the first compute unit."""
        rows = self.speeds.rows if self.speeds else ()
        return next((row for row in rows if row.model == artifact and row.decode is not None), None)

    @property
    def headline(self) -> str:
        """The result in one sentence."""
        student, teacher = self.student, self.teacher
        share = student.parameters / teacher.parameters
        assert student.kl is not None
        alone = ""
        if self.label_only is not None and self.label_only.kl is not None:
            alone = (
                f"; without its teacher the same student reaches perplexity "
                f"{self.label_only.perplexity.value:.1f} and a KL of {self.label_only.kl.value:.3f}"
            )
        return (
            f"{student.parameters / 1e6:.1f} M parameters, {share:.0%} of its teacher's: perplexity "
            f"{student.perplexity.value:.1f} (teacher {teacher.perplexity.value:.1f}), "
            f"KL to the teacher {student.kl.value:.3f} nats a token{alone}."
        )
