"""The report of a distilled decoder: what was recorded, as report.json and report.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.codec import from_json, to_json
from edgekit.decoder_parity import DecoderParity
from edgekit.device_result import DeviceResult
from edgekit.errors import ModelError, first_line
from edgekit.files import atomic, human, read_json, write_json
from edgekit.report import device_tables
from edgekit.report.markup import draw, escape, fence
from edgekit.report.table import Cell, Column, Table
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


@dataclass(frozen=True, slots=True)
class ExportedDecoder:
    """One artifact of the student, and how far it is from it."""

    name: str
    path: str  # relative to the report
    size_bytes: int
    parity: DecoderParity
    rejected_because: str
    sha256: str = ""  # of the file or folder; empty in a report of an older version


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


def write_language_report(report: LanguageReport, folder: Path) -> list[Path]:
    """Writes report.json and report.md, each atomically.

    Raises:
        DiskFull: what was there before is untouched.
    """
    as_json, as_markdown = folder / "report.json", folder / "report.md"
    write_json(as_json, {"headline": report.headline, **to_json(report)})
    with atomic(as_markdown) as temporary:
        temporary.write_text(language_markdown(report), encoding="utf-8")
    return [as_json, as_markdown]


def read_language_report(folder: Path) -> LanguageReport:
    """The report of a run of a decoder.

    Raises:
        ModelError: report.json can't be read as one.
    """
    path = folder / "report.json"
    try:
        return from_json(LanguageReport, read_json(path))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path} can't be read as a decoder's report: {first_line(error)}",
            remedy="Run the recipe again with this version; finished stages are reused.",
        ) from error


def language_markdown(report: LanguageReport) -> str:
    """The report as Markdown."""
    kept = [one for one in (report.teacher, report.student, report.label_only) if one is not None]
    blocks = [f"# {escape(report.name)}"]
    if report.description:
        blocks.append(escape(report.description))
    blocks += [f"**{escape(report.headline)}**", "## On held-out text", draw(_figures(kept))]
    if report.kl_gain is not None:
        gain = report.kl_gain
        blocks.append(
            f"The teacher saves {gain.value:.3f} nats a token [{gain.low:.3f}, {gain.high:.3f}] of KL "
            "against the same student trained on the texts alone."
        )
    cut = report.student
    fewer = bool(cut.vocabulary and cut.vocabulary < (report.teacher.vocabulary or 0))
    if fewer:
        blocks.append(
            f"The student kept {cut.vocabulary:,} of its teacher's {report.teacher.vocabulary:,} tokens. Its "
            "perplexity is per token of its teacher's. The teacher is asked for the next token given that it "
            f"is one of those, where both read the same token: {cut.compared or 0:.1%} of the student's."
        )
    blocks.append(
        f"Over {report.tokens['test']:,} tokens of {report.documents['test']:,} documents that no training "
        f"saw; {'these tokens' if fewer else 'whole vocabularies'} compared in fp32; intervals of 95 % over "
        "blocks of text."
    )
    if report.artifacts:
        blocks += ["## Artifacts", draw(_artifacts(report.artifacts))]
    if report.devices:
        tables = (device_tables.writing(report), device_tables.conditions(report))
        blocks += ["## Devices", device_tables.summary(report), *map(draw, tables)]
    blocks += ["## Training", draw(_curves(kept))]
    blocks += ["## Data and sources", draw(_data(report)), draw(_sources(report))]
    if report.command:
        blocks += ["## Again", fence(report.command, "sh")]
    blocks += ["## Recipe", fence(report.recipe_yaml, "yaml")]
    blocks.append(f"Written at {escape(report.created)}. The same figures, unrounded, are in report.json.")
    return "\n\n".join(filter(None, blocks)) + "\n"


def _columns(first: str, *numbers: str) -> tuple[Column, ...]:
    return (Column(first), *(Column(title, numeric=True) for title in numbers))


def _figures(models: Sequence[DecoderFigures]) -> Table:
    columns = _columns(
        "Model", "Parameters", "fp32", "Perplexity", "KL to the teacher, nats a token", "Same likeliest token"
    )
    rows = [
        (
            Cell(one.name),
            Cell(f"{one.parameters / 1e6:.1f} M"),
            Cell(human(one.size_bytes)),
            _interval(one.perplexity, ".2f"),
            _interval(one.kl, ".3f"),
            _interval(one.same, ".1%"),
        )
        for one in models
    ]
    return Table("Models", columns, tuple(rows))


def _interval(value: Interval | None, form: str) -> Cell:
    if value is None:
        return Cell("–")
    return Cell(f"{value.value:{form}}", note=f"{value.low:{form}} to {value.high:{form}}")


def _artifacts(artifacts: Sequence[ExportedDecoder]) -> Table:
    columns = _columns("Artifact", "Size", "KL to the student", "Same likeliest token", "Verified")
    rows = []
    for one in artifacts:
        kl = one.parity.mean_kl
        verdict = Cell("yes") if not one.rejected_because else Cell("no", one.rejected_because, "bad")
        rows.append(
            (
                Cell(one.path),
                Cell(human(one.size_bytes)),
                Cell("not finite" if kl is None else f"{kl:.3f}"),
                Cell(f"{one.parity.top1:.1%}"),
                verdict,
            )
        )
    return Table("Artifacts", columns, tuple(rows))


def _curves(models: Sequence[DecoderFigures]) -> Table:
    rows = [
        (
            Cell(one.name),
            Cell(f"{point.step:,}"),
            Cell(f"{point.epoch:.2f}"),
            Cell(f"{point.train_loss:.3f}"),
            Cell(f"{1 / point.validation_score:.2f}" if point.validation_score > 0 else "–"),
        )
        for one in models
        for point in one.curve
    ]
    columns = _columns("Model", "Step", "Epoch", "Training loss", "Validation perplexity")
    return Table("Evaluations while training", columns, tuple(rows))


def _data(report: LanguageReport) -> Table:
    rows = [
        (Cell(split), Cell(f"{report.documents[split]:,}"), Cell(f"{report.tokens[split]:,}"))
        for split in report.documents
    ]
    return Table("Text", _columns("Split", "Documents", "Predicted tokens"), tuple(rows))


def _sources(report: LanguageReport) -> Table:
    rows = [
        (
            Cell(str(one["name"])),
            Cell(str(one["uri"]), code=True),
            Cell(str(one["license"] or "not stated")),
            Cell(str(one["sha256"])[:12], code=True),
        )
        for one in report.sources
    ]
    columns = (Column("What"), Column("From"), Column("Licence"), Column("sha256"))
    return Table("Sources", columns, tuple(rows))
