"""What came out: scores with intervals, the way from teacher to file, latency."""

from __future__ import annotations

from edgekit.report.document import ArtifactRecord, BaselineRecord, ModelRecord, Report, TimingRecord
from edgekit.report.inputs import input_words
from edgekit.report.table import Cell, Column, Table, table
from edgekit.report.verdict import target_name, verdict
from edgekit.report.words import (
    MISSING,
    metric_name,
    millions,
    milliseconds,
    number,
    percent,
    points,
    seconds,
    size,
    span,
    times,
)


def distillation(report: Report) -> Table:
    """Teacher, student and both baselines on the same test split."""
    words = input_words(report.task)
    entries: list[tuple[str, str, ModelRecord | BaselineRecord | None]] = [
        ("Teacher", report.teacher.name if report.teacher else "", report.teacher),
        ("Student, distilled", report.student.name if report.student else "", report.student),
        (
            "Student, labels only",
            "the same layers before fine-tuning, no teacher",
            report.baselines.label_only,
        ),
        (words.baseline_title, words.baseline_note, report.baselines.tfidf),
    ]
    rows = []
    in_units = any(entry is not None and entry.rmse is not None for _, _, entry in entries)
    for title, note, entry in entries:
        if entry is None:
            continue
        missing = entry.not_measured if isinstance(entry, BaselineRecord) else ""
        model = entry if isinstance(entry, ModelRecord) else None
        rows.append(
            (
                Cell(title, note=missing or note),
                Cell(points(entry.score)),
                Cell(span(entry.score_low, entry.score_high, 100) or MISSING),
                *([Cell(number(entry.rmse, 3))] if in_units else []),
                Cell(millions(model.parameters if model else None)),
                Cell(seconds(model.seconds if model else None)),
                Cell(f"{model.samples_per_second:.0f}" if model and model.samples_per_second else MISSING),
            )
        )
    columns = (
        Column("Model"),
        Column(metric_name(report.metric), unit="%", numeric=True),
        Column("95 % interval", numeric=True),
        *([Column("RMSE", numeric=True)] if in_units else []),
        Column("Parameters", numeric=True),
        Column("Training", numeric=True),
        Column("Samples", unit="per s", numeric=True),
    )
    return table("Test score of teacher, student and baselines", columns, rows)


def steps(report: Report) -> Table:
    """Score, size and latency after each step from the teacher to the smallest file."""
    rows: list[tuple[Cell, ...]] = []
    for role, model, done in (
        (
            "teacher",
            report.teacher,
            "as trained" if report.teacher and report.teacher.seconds else "as given",
        ),
        ("student", report.student, "distilled"),
    ):
        if model is not None:
            kept = report.retained if role == "student" else None
            rows.append(
                (
                    Cell(f"{role.capitalize()}, {done}", note=model.name),
                    Cell(points(model.score), note=span(model.score_low, model.score_high, 100)),
                    Cell(
                        percent(kept.value if kept else None),
                        note=span(kept.low, kept.high, 100) if kept else "",
                    ),
                    Cell(millions(model.parameters)),
                    Cell(size(model.size_bytes)),
                    Cell(MISSING),
                    Cell(MISSING),
                    Cell("PyTorch", tone="quiet"),
                )
            )
        rows += [_step(report, artifact) for artifact in report.artifacts if artifact.model == role]
    columns = (
        Column("Step"),
        Column(metric_name(report.metric), unit="%", numeric=True),
        Column("Retained", numeric=True),
        Column("Parameters", numeric=True),
        Column("Size", numeric=True),
        Column("p50", unit="ms", numeric=True),
        Column("Speed-up", numeric=True),
        Column("Result"),
    )
    return table("From the teacher to the smallest file, step by step", columns, rows)


def _step(report: Report, artifact: ArtifactRecord) -> tuple[Cell, ...]:
    timing = artifact.timing
    kept = timing.retained if timing else None
    return (
        Cell(
            f"{artifact.model.capitalize()} → {target_name(artifact.target)} {artifact.precision}",
            note=artifact.name,
        ),
        Cell(points(artifact.score), note=span(artifact.score_low, artifact.score_high, 100)),
        Cell(percent(kept.value if kept else None), note=span(kept.low, kept.high, 100) if kept else ""),
        Cell(millions(artifact.parameters)),
        Cell(size(artifact.size_bytes)),
        Cell(milliseconds(timing.p50_ms if timing else None)),
        speedup(report, timing),
        verdict(artifact),
    )


def speedup(report: Report, timing: TimingRecord | None) -> Cell:
    """How many times faster than the reference row, with its interval."""
    if timing is None:
        return Cell(MISSING)
    if timing.name == report.speedup_reference:
        return Cell(times(1.0, 2), note="reference")
    if timing.speedup is None:
        return Cell(MISSING)
    found = timing.speedup
    return Cell(times(found.value, 2), note=span(found.low, found.high, digits=2))


def timings(report: Report) -> list[TimingRecord]:
    """Every benchmark row, artifacts first."""
    return [a.timing for a in report.artifacts if a.timing is not None] + list(report.other_timings)


def latency(report: Report) -> Table:
    """Milliseconds a row at batch 1, without and with what prepares it; the full pass; memory; speed-up."""
    words, rows = input_words(report.task), []
    whole = words.one.capitalize()
    for row in timings(report):
        measured = row.p50_ms is not None
        runtime = row.runtime + (f", {row.compute_units}" if row.compute_units else "")
        rows.append(
            (
                Cell(row.name, note=runtime if measured else f"not measured: {row.not_measured}"),
                Cell(milliseconds(row.p50_ms)),
                Cell(milliseconds(row.p90_ms)),
                Cell(milliseconds(row.p99_ms)),
                Cell(milliseconds(row.end_to_end_p50_ms)),
                Cell(milliseconds(row.end_to_end_p90_ms)),
                Cell(milliseconds(row.end_to_end_p99_ms)),
                Cell(seconds(row.pass_seconds)),
                Cell(size(row.peak_bytes)),
                speedup(report, row),
            )
        )
    columns = (
        Column("Contestant"),
        *(Column(p, group=f"{words.prepared} excluded, ms", numeric=True) for p in ("p50", "p90", "p99")),
        *(Column(p, group=f"{whole} to label, ms", numeric=True) for p in ("p50", "p90", "p99")),
        Column("Full pass", numeric=True),
        Column("Peak memory", numeric=True),
        Column("Speed-up", numeric=True),
    )
    return table("Latency at batch 1", columns, rows)
