"""What was checked: parity, gates, shapes, structure, and what quantization left alone."""

from __future__ import annotations

from collections import defaultdict

from edgekit.report.document import ArtifactRecord, GateRecord, ParityRecord, Report
from edgekit.report.inputs import input_words
from edgekit.report.table import Cell, Column, Table, table
from edgekit.report.verdict import gate_result, verdict
from edgekit.report.words import MISSING, change, count, number, percent, tolerance

_NAMED = 3  # weights named in full in one cell; report.json has them all


def parity(report: Report) -> Table:
    """One row an artifact: how far it is from what it was made from."""
    rows = []
    for artifact in report.artifacts:
        checked = artifact.parity
        if checked is None:
            rows.append((Cell(artifact.name), *[Cell(MISSING)] * 6, verdict(artifact)))
            continue
        rows.append(
            (
                Cell(artifact.name, note=f"against {checked.reference}"),
                Cell(count(checked.samples) if checked.executed else MISSING),
                _measured(checked, tolerance(checked.max_abs_error)),
                _measured(checked, number(checked.cosine, 4)),
                Cell(percent(checked.label_agreement)),  # not every task has labels
                Cell(change(_negative(checked.metric_drop), 2)),
                Cell(_gates_held(checked)),
                verdict(artifact),
            )
        )
    columns = (
        Column("Artifact"),
        Column("Rows", numeric=True),
        Column("Largest error", numeric=True),
        Column("Mean cosine", numeric=True),
        Column("Same label", numeric=True),
        Column("Score change", unit="points", numeric=True),
        Column("Gates held", numeric=True),
        Column("Result"),
    )
    return table("Each file against what it was made from", columns, rows)


def _measured(checked: ParityRecord, text: str) -> Cell:
    """A number of an artifact that was run is missing for one reason only: it overflowed."""
    if checked.executed and text == MISSING:
        return Cell("not finite", tone="bad")
    return Cell(text)


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _gates_held(checked: ParityRecord) -> str:
    if not checked.gates:
        return MISSING
    return f"{sum(g.passed for g in checked.gates)} of {len(checked.gates)}"


def roundings(report: Report) -> Table:
    """A Core ML package as it rounds, beside the same package when nothing is rounded."""
    rows = []
    for artifact, checked in _compared(report):
        other = checked.unrounded
        if other is None:
            continue
        for title, note, one in (
            ("as declared", checked.meaning, checked),
            ("none", "a sample of the rows" if other.samples < checked.samples else "", other),
        ):
            rows.append(
                (
                    Cell(artifact.name, note=note),
                    Cell(title),
                    Cell(count(one.samples)),
                    _measured(checked, tolerance(one.max_abs_error)),
                    _measured(checked, number(one.cosine, 6)),
                    Cell(percent(one.label_agreement)),
                    Cell(change(_negative(one.metric_drop), 2)),
                )
            )
    columns = (
        Column("Artifact"),
        Column("Rounding"),
        Column("Rows", numeric=True),
        Column("Largest error", numeric=True),
        Column("Mean cosine", numeric=True),
        Column("Same label", numeric=True),
        Column("Score change", unit="points", numeric=True),
    )
    return table("Core ML with and without rounding to half precision", columns, rows)


def gates(report: Report) -> Table:
    """Every promise, its limit and what was measured."""
    rows = [
        (
            Cell(artifact.name),
            Cell(gate.name, code=True),
            Cell(tolerance(gate.limit)),
            _gate_value(gate),
            gate_result(gate.passed),
        )
        for artifact, checked in _compared(report)
        for gate in checked.gates
    ]
    columns = (
        Column("Artifact"),
        Column("Gate"),
        Column("Limit", numeric=True),
        Column("Measured", numeric=True),
        Column("Result"),
    )
    return table("Gates", columns, rows)


def _gate_value(gate: GateRecord) -> Cell:
    if gate.value is None:
        return Cell("not finite", tone="bad")
    value = tolerance(gate.value)
    if gate.interval is not None:
        value += f" [{tolerance(gate.interval.low)}, {tolerance(gate.interval.high)}]"
    return Cell(f"{value} on {gate.measured_on}" if gate.measured_on else value)


def shapes(report: Report) -> Table:
    """Tensor error at several batch sizes, and lengths where inputs have one, padding included."""
    unit = input_words(report.task).length
    rows = [
        (
            Cell(artifact.name),
            Cell(count(shape.batch)),
            *([Cell(count(shape.length))] if unit else []),
            _measured(checked, tolerance(shape.max_abs_error)),
            _measured(checked, number(shape.cosine, 6)),
        )
        for artifact, checked in _compared(report)
        for shape in checked.shapes
    ]
    columns = (
        Column("Artifact"),
        Column("Batch", unit="rows", numeric=True),
        *([Column("Length", unit=unit, numeric=True)] if unit else []),
        Column("Largest error", numeric=True),
        Column("Lowest cosine", numeric=True),
    )
    return table(f"Error by batch size{' and length' if unit else ''}", columns, rows)


def structure(report: Report) -> Table:
    """Structural checks, failed ones first."""
    rows = []
    for artifact, checked in _compared(report):
        rows += [(Cell(artifact.name), Cell(text), Cell("failed", tone="bad")) for text in checked.failures]
        rows += [(Cell(artifact.name), Cell(text), Cell("held", tone="good")) for text in checked.checks]
    return table("Structural checks", (Column("Artifact"), Column("Check"), Column("Result")), rows)


def quantization(report: Report) -> Table:
    """How many weights got which precision."""
    rows = []
    for artifact in report.artifacts:
        plan = artifact.quantization
        if plan is None:
            continue
        by_bits = ", ".join(f"{count(n)} at {bits} bits" for bits, n in plan.weights_by_bits.items())
        rows.append(
            (
                Cell(artifact.name),
                Cell(plan.scheme),
                Cell(by_bits or MISSING),
                Cell(count(len(plan.skipped))),
            )
        )
    columns = (
        Column("Artifact"),
        Column("Scheme"),
        Column("Weights"),
        Column("Left as they were", numeric=True),
    )
    return table("Precision of the weights", columns, rows)


def skipped(report: Report) -> Table:
    """What quantization left alone and why, grouped by reason."""
    rows = []
    for artifact in report.artifacts:
        groups: dict[tuple[str, int], list[str]] = defaultdict(list)
        for layer in artifact.quantization.skipped if artifact.quantization else ():
            groups[layer.reason, layer.bits].append(layer.name)
        for (reason, bits), names in groups.items():
            shown = ", ".join(names[:_NAMED])
            more = f" and {count(len(names) - _NAMED)} more" if len(names) > _NAMED else ""
            rows.append(
                (
                    Cell(artifact.name),
                    Cell(reason),
                    Cell(str(bits)),
                    Cell(str(len(names))),
                    Cell(shown + more),
                )
            )
    columns = (
        Column("Artifact"),
        Column("Reason"),
        Column("Bits", numeric=True),
        Column("Weights", numeric=True),
        Column("Which"),
    )
    return table("Weights that quantization left as they were", columns, rows)


def _compared(report: Report) -> list[tuple[ArtifactRecord, ParityRecord]]:
    return [(a, a.parity) for a in report.artifacts if a.parity is not None]
