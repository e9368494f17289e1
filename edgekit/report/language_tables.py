"""The tables of a decoder's report: models, exported files, speed, training, text."""

from __future__ import annotations

from edgekit.llm_timing import Figure
from edgekit.report.language import LanguageReport
from edgekit.report.table import Cell, Column, Table, table
from edgekit.report.verdict import gate_result
from edgekit.report.words import (
    MISSING,
    THIN,
    count,
    millions,
    milliseconds,
    number,
    percent,
    seconds,
    size,
    span,
    tolerance,
)
from edgekit.types import Interval


def models(report: LanguageReport) -> Table:
    """Teacher, student and label-only student on the same held-out text."""
    rows = [
        (
            Cell(one.title, note="the student’s layers, no teacher" if one is report.label_only else ""),
            _interval(one.perplexity, 1),
            _interval(one.kl, 3),
            _interval(one.same, 1, 100),
            Cell(millions(one.parameters)),
            Cell(size(one.size_bytes)),
            Cell(seconds(one.seconds) if one.curve else MISSING),
        )
        for one in report.models
    ]
    columns = (
        Column("Model"),
        Column("Perplexity", numeric=True),
        Column("KL to the teacher", unit="nats a token", numeric=True),
        Column("Same likeliest token", unit="%", numeric=True),
        Column("Parameters", numeric=True),
        Column("fp32 weights", numeric=True),
        Column("Training", numeric=True),
    )
    return table("Teacher, student and the student without a teacher", columns, rows)


def _interval(value: Interval | None, digits: int, scale: float = 1.0) -> Cell:
    if value is None:
        return Cell(MISSING)
    return Cell(number(scale * value.value, digits), note=span(value.low, value.high, scale, digits))


def exports(report: LanguageReport) -> Table:
    """Every exported file and how far it is from the student."""
    rows = []
    for one in report.artifacts:
        parity = one.parity
        own = number(parity.perplexity) if parity.perplexity is not None else MISSING
        verdict = Cell("verified", tone="good") if parity.passed else Cell("failed", tone="bad")
        if one.rejected_because:
            verdict = Cell("rejected", note=one.rejected_because, tone="bad")
        rows.append(
            (
                Cell(one.kind, note=one.path),
                Cell(size(one.size_bytes)),
                Cell(_nats(parity.mean_kl), note=f"{_nats(parity.max_kl)} at most"),
                Cell(percent(parity.top1)),
                Cell(percent(parity.top5)),
                Cell(own, note=f"student {number(parity.reference_perplexity)}" if own != MISSING else ""),
                Cell(f"{count(parity.same)} of {count(parity.written)}"),
                verdict,
            )
        )
    columns = (
        Column("File"),
        Column("Size", numeric=True),
        Column("Mean KL", unit="nats", numeric=True),
        Column("Same likeliest token", numeric=True),
        Column("Of five likeliest", numeric=True),
        Column("Perplexity", numeric=True),
        Column("Written alike", numeric=True),
        Column("Verdict"),
    )
    return table("Exported files beside the student", columns, rows)


def _nats(value: float | None) -> str:
    return "not finite" if value is None else tolerance(value)


def gates(report: LanguageReport) -> Table:
    """Every promise of every file."""
    rows = [
        (
            Cell(one.kind),
            Cell(gate.name),
            Cell(tolerance(gate.limit)),
            Cell(tolerance(gate.value)),
            gate_result(gate.passed),
        )
        for one in report.artifacts
        for gate in one.parity.gates
    ]
    columns = (
        Column("File"),
        Column("Gate"),
        Column("Limit", numeric=True),
        Column("Measured", numeric=True),
        Column("Result"),
    )
    return table("Gates", columns, rows)


def texts(report: LanguageReport) -> Table:
    """The comparison text by text."""
    rows = [
        (
            Cell(one.kind),
            Cell(text.text),
            Cell(count(text.positions)),
            Cell(_nats(text.mean_kl)),
            Cell(percent(text.top1)),
            Cell(f"{text.same} of {text.written}"),
        )
        for one in report.artifacts
        for text in one.parity.texts
    ]
    columns = (
        Column("File"),
        Column("Text"),
        Column("Compared", unit="tokens", numeric=True),
        Column("Mean KL", unit="nats", numeric=True),
        Column("Same likeliest token", numeric=True),
        Column("Written alike", numeric=True),
    )
    return table("Text by text", columns, rows)


def speed(report: LanguageReport) -> Table:
    """First token, decoding beside what the memory allows, opening, memory: on this machine."""
    if report.speeds is None:
        return table("Speed on this machine", (Column("File"),), ())
    kinds = {one.name: one.kind for one in report.artifacts}
    prompts, rows = report.speeds.settings.prompts, []
    for row in report.speeds.rows:
        if row.decode is None:
            continue
        share, bound = row.decode.share, row.decode.bound
        first = {one.prompt: one.ms for one in row.first_token}
        unit = f", {row.compute_units}" if row.compute_units else ""
        rows.append(
            (
                Cell(kinds.get(row.model, row.model), note=f"{row.runtime}{unit}"),
                *(_spread(first.get(prompt)) for prompt in prompts),
                _spread(row.decode),
                Cell(
                    MISSING if bound is None else number(bound),
                    note=(share and f"{percent(share, 0)} of it") or "",
                ),
                _spread(row.load_ms),
                Cell(size(row.peak_bytes)),
            )
        )
    columns = (
        Column("File"),
        *(
            Column(f"{count(p)} tokens", group="First token after a prompt, ms", numeric=True)
            for p in prompts
        ),
        Column("Tokens a second", group="Decoding", numeric=True),
        Column("Bound", group="Decoding", numeric=True),
        Column("Load", unit="ms", numeric=True),
        Column("Peak memory", numeric=True),
    )
    return table("Speed on this machine", columns, rows)


def _spread(figure: Figure | None) -> Cell:
    """Median, and the standard deviation over repeats as its note."""
    if figure is None:
        return Cell(MISSING)
    return Cell(milliseconds(figure.median), note=f"±{THIN}{milliseconds(figure.sd)}")


def evaluations(report: LanguageReport) -> Table:
    """Every evaluation while training."""
    rows = [
        (
            Cell(one.title),
            Cell(count(point.step)),
            Cell(f"{point.epoch:.2f}"),
            Cell(number(point.train_loss, 3)),
            Cell(number(1 / point.validation_score, 2) if point.validation_score > 0 else MISSING),
        )
        for one in report.models
        for point in one.curve
    ]
    columns = (
        Column("Model"),
        *(
            Column(title, numeric=True)
            for title in ("Step", "Epoch", "Training loss", "Validation perplexity")
        ),
    )
    return table("Evaluations while training", columns, rows)


def text(report: LanguageReport) -> Table:
    """Documents and tokens by split."""
    rows = [
        (Cell(split), Cell(count(report.documents[split])), Cell(count(report.tokens.get(split))))
        for split in report.documents
    ]
    columns = (
        Column("Split"),
        Column("Documents", numeric=True),
        Column("Predicted tokens", numeric=True),
    )
    return table("Text by split", columns, rows)


def files(report: LanguageReport) -> Table:
    """Every exported file with its hash."""
    rows = [
        (Cell(one.name), Cell(one.path, code=True), Cell(size(one.size_bytes)), Cell(one.sha256, code=True))
        for one in report.artifacts
        if one.sha256
    ]
    columns = (Column("Artifact"), Column("File"), Column("Size", numeric=True), Column("sha256"))
    return table("Files and their hashes", columns, rows)
