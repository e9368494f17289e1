"""App kits, and what they measured on devices, beside this machine's own rows."""

from __future__ import annotations

from edgekit.device_result import Answers, DeviceResult, Row
from edgekit.llm_timing import LlmTiming
from edgekit.report.document import Report, TimingRecord
from edgekit.report.inputs import input_words
from edgekit.report.language import LanguageReport
from edgekit.report.table import Cell, Column, Table, table
from edgekit.report.words import MISSING, THIN, in_words, milliseconds, percent, size, tolerance


def kits(report: Report | LanguageReport) -> Table:
    """What was written for whom, and the lines that an app developer needs."""
    rows = [
        (
            Cell(kit.platform),
            Cell(kit.path or MISSING, code=kit.path is not None, note=kit.missing),
            Cell(kit.artifact or MISSING),
            Cell(size(kit.size_bytes)),
        )
        for kit in report.kits
    ]
    columns = (Column("Platform"), Column("Folder"), Column("Carries"), Column("Size", numeric=True))
    return table("App kits", columns, rows)


def usage(report: Report | LanguageReport) -> Table:
    """Three lines for each platform."""
    rows = [(Cell(kit.platform), Cell(line, code=True)) for kit in report.kits for line in kit.use]
    return table("How an app uses them", (Column("Platform"), Column("Line")), rows)


def devices(report: Report) -> Table:
    """Every device's times side by side, after this machine's of the same files."""
    shown, words = {result.artifact.sha256 for result in report.devices}, input_words(report.task)
    rows = [
        (Cell("This machine"), Cell(a.name, note=timing.runtime), *_times(timing))
        for a in report.artifacts
        if (timing := a.timing) is not None and a.sha256 in shown and timing.p50_ms is not None
    ]
    rows += [
        (*_named(report, result, row), *_times(row))
        for result, row in _measured(report)
        if row.generation is None
    ]
    groups = (f"{words.prepared} excluded, ms", f"{words.one.capitalize()} to answer, ms")
    columns = (
        *_NAMES,
        *(Column(p, group=group, numeric=True) for group in groups for p in ("p50", "p90", "p99")),
    )
    return table("Devices side by side", columns, rows if report.devices else [])


def writing(report: Report | LanguageReport) -> Table:
    """How quickly decoders go on after prompts, after this machine's rows of the same files."""
    rows = [
        (
            Cell("This machine"),
            Cell(row.model, note=", ".join(filter(None, (row.runtime, row.compute_units)))),
            Cell(f"{first.prompt:,}"),
            Cell(milliseconds(first.ms.median)),
            Cell(MISSING),
            _rate(row.decode.median, row.decode.sd),
            Cell(MISSING),
            Cell(MISSING),
        )
        for row in _timed_here(report)
        if row.decode is not None
        for first in row.first_token
    ]
    rows += [
        (
            *_named(report, result, row),
            Cell(f"{one.prompt_tokens:,}"),
            Cell(milliseconds(one.first_token_p50_ms)),
            Cell(milliseconds(one.first_token_p90_ms)),
            _rate(one.tokens_per_second, one.tokens_per_second_sd),
            Cell(milliseconds(one.next_token_p50_ms)),
            Cell(milliseconds(one.next_token_p99_ms)),
        )
        for result, row in _measured(report)
        for one in row.generation or ()
    ]
    columns = (
        *_NAMES,
        Column("Prompt", unit="tokens", numeric=True),
        *(Column(p, group="First token, ms", numeric=True) for p in ("p50", "p90")),
        Column("Tokens a second", numeric=True),
        *(Column(p, group="Next token, ms", numeric=True) for p in ("p50", "p99")),
    )
    return table("Writing text", columns, rows)


def _timed_here(report: Report | LanguageReport) -> list[LlmTiming]:
    """This machine's rows of files that a device ran, too."""
    if not isinstance(report, LanguageReport) or report.speeds is None:
        return []
    shown = {result.artifact.sha256 for result in report.devices}
    names = {artifact.name for artifact in report.artifacts if artifact.sha256 in shown}
    return [row for row in report.speeds.rows if row.model in names]


def _rate(median: float, sd: float | None) -> Cell:
    return Cell(f"{median:.1f}", note="" if sd is None else f"±{THIN}{sd:.1f}")


def conditions(report: Report | LanguageReport) -> Table:
    """How each device ran it: opening, memory, heat, and how near its answers came."""
    rows = []
    for result, row in _measured(report):
        rows.append(
            (
                *_named(report, result, row),
                Cell(milliseconds(row.load_ms)),
                Cell(size(row.peak_bytes)),
                Cell(f"{row.thermal_before} → {row.thermal_after}" if row.thermal_before else MISSING),
                _answers(row.answers),
            )
        )
    columns = (
        *_NAMES,
        Column("Load", unit="ms", numeric=True),
        Column("Peak memory", numeric=True),
        Column("Heat"),
        Column("Off by", numeric=True),
    )
    return table("Loading, memory, heat and answers", columns, rows)


def _answers(answers: Answers | None) -> Cell:
    if answers is None:
        return Cell(MISSING)
    if answers.max_abs_error is None:
        return Cell(f"{percent(answers.token_agreement)} same tokens")
    same = "" if answers.label_agreement is None else percent(answers.label_agreement)
    return Cell(tolerance(answers.max_abs_error), note=f"{same} same label" if same else "")


_NAMES = (Column("Device"), Column("File"))


def _measured(report: Report | LanguageReport) -> list[tuple[DeviceResult, Row]]:
    return [(result, row) for result in report.devices for row in result.rows]


def _named(report: Report | LanguageReport, result: DeviceResult, row: Row) -> tuple[Cell, Cell]:
    device = result.device
    about = [device.os, device.chip or "", "saving power" if device.low_power else ""]
    if device.simulated:
        about.append("simulated: says nothing of a device")
    how = [row.runtime, row.compute_units or "", _threads(row.threads)]
    if row.p50_ms is None and row.generation is None:
        how.append(f"not measured: {row.not_measured}")
    name = next(a.name for a in report.artifacts if a.sha256 == result.artifact.sha256)
    return (
        Cell(device.model, note=", ".join(filter(None, about))),
        Cell(name, note=", ".join(filter(None, how))),
    )


def _threads(count: int | None) -> str:
    return "" if count is None else f"{count} thread{'' if count == 1 else 's'}"


def _times(row: Row | TimingRecord) -> list[Cell]:
    values = (
        row.p50_ms, row.p90_ms, row.p99_ms,
        row.end_to_end_p50_ms, row.end_to_end_p90_ms, row.end_to_end_p99_ms,
    )  # fmt: skip
    return [Cell(milliseconds(value)) for value in values]


def summary(report: Report | LanguageReport) -> str:
    """Which devices, in a sentence."""
    measured = [r.device for r in report.devices if not r.device.simulated]
    names = list(dict.fromkeys(f"{d.model} ({d.os})" for d in measured))
    words = input_words(report.task)
    how = ", ".join(filter(None, (f"one {words.one} at a time", words.on_device)))
    return f"Measured by app kits on {in_words(names)}, {how}." if names else ""
