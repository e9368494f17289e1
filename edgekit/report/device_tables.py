"""App kits, and what they measured on devices, beside this machine's own rows."""

from __future__ import annotations

from edgekit.device_result import DeviceResult, Row
from edgekit.report.document import Report, TimingRecord
from edgekit.report.table import Cell, Column, Table, table
from edgekit.report.words import MISSING, in_words, milliseconds, percent, size, tolerance


def kits(report: Report) -> Table:
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


def usage(report: Report) -> Table:
    """Three lines for each platform."""
    rows = [(Cell(kit.platform), Cell(line, code=True)) for kit in report.kits for line in kit.use]
    return table("How an app uses them", (Column("Platform"), Column("Line")), rows)


def devices(report: Report) -> Table:
    """Every device's rows side by side, after this machine's of the same files."""
    names = {a.sha256: a.name for a in report.artifacts}
    shown = {result.artifact.sha256 for result in report.devices}
    rows = [
        _row("This machine", timing.runtime, a.name, timing)
        for a in report.artifacts
        if (timing := a.timing) is not None and a.sha256 in shown and timing.p50_ms is not None
    ]
    for result in report.devices:
        rows += [_device_row(result, row, names[result.artifact.sha256]) for row in result.rows]
    columns = (
        Column("Device"),
        Column("File"),
        *(Column(p, group="Tokenization excluded, ms", numeric=True) for p in ("p50", "p90", "p99")),
        *(Column(p, group="Text to answer, ms", numeric=True) for p in ("p50", "p90", "p99")),
        Column("Load", unit="ms", numeric=True),
        Column("Peak memory", numeric=True),
        Column("Heat"),
        Column("Off by", numeric=True),
    )
    return table("Devices side by side", columns, rows if report.devices else [])


def _device_row(result: DeviceResult, row: Row, artifact: str) -> tuple[Cell, ...]:
    device = result.device
    about = [device.os, device.chip or "", "saving power" if device.low_power else ""]
    name = f"{device.model}, simulated: says nothing of a device" if device.simulated else device.model
    how = [row.runtime, row.compute_units or "", f"{row.threads} threads" if row.threads else ""]
    note = ", ".join(filter(None, how))
    if row.p50_ms is None:
        note = f"{note}; not measured: {row.not_measured}"
    heat = f"{row.thermal_before} → {row.thermal_after}" if row.thermal_before else MISSING
    answers = row.answers
    agreed = "" if answers is None or answers.label_agreement is None else percent(answers.label_agreement)
    return (
        Cell(name, note=", ".join(filter(None, about))),
        Cell(artifact, note=note),
        *_times(row),
        Cell(milliseconds(row.load_ms)),
        Cell(size(row.peak_bytes)),
        Cell(heat),
        Cell(
            tolerance(answers.max_abs_error) if answers else MISSING,
            note=f"{agreed} same label" if agreed else "",
        ),
    )


def _row(device: str, runtime: str, artifact: str, timing: TimingRecord) -> tuple[Cell, ...]:
    missing = Cell(MISSING)
    return (
        Cell(device),
        Cell(artifact, note=runtime),
        *_times(timing),
        missing,
        Cell(size(timing.peak_bytes)),
        missing,
        missing,
    )


def _times(row: Row | TimingRecord) -> list[Cell]:
    values = (
        row.p50_ms, row.p90_ms, row.p99_ms,
        row.end_to_end_p50_ms, row.end_to_end_p90_ms, row.end_to_end_p99_ms,
    )  # fmt: skip
    return [Cell(milliseconds(value)) for value in values]


def summary(report: Report) -> str:
    """Which devices, in a sentence."""
    measured = [r.device for r in report.devices if not r.device.simulated]
    names = list(dict.fromkeys(f"{d.model} ({d.os})" for d in measured))
    return f"Measured by app kits on {in_words(names)}, one text at a time." if names else ""
