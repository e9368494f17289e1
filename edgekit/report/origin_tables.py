"""Where it came from: data, sources, hashes, the machine, the stages; and what was not measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from edgekit.report.document import NotMeasured, Report, SourceRecord, SplitRecord, StageRecord
from edgekit.report.table import Cell, Column, Table, table
from edgekit.report.words import MISSING, count, millions, seconds, size

_CLASS_COLUMNS = 6  # with more classes, one column says how many


def splits(report: Report) -> Table:
    """Rows by split and class."""
    parts = report.data.splits if report.data else ()
    names = list(dict.fromkeys(label for part in parts for label in part.classes))
    wide = len(names) <= _CLASS_COLUMNS
    rows = [
        (Cell(part.name), Cell(count(part.rows)), *(_classes(part, names) if wide else [_class_range(part)]))
        for part in parts
    ]
    by_class = [Column(n, numeric=True) for n in names] if wide else [Column("Rows per class")]
    return table("Rows by split and class", [Column("Split"), Column("Rows", numeric=True), *by_class], rows)


def _classes(part: SplitRecord, names: list[str]) -> list[Cell]:
    return [Cell(count(part.classes.get(name))) for name in names]


def _class_range(part: SplitRecord) -> Cell:
    if not part.classes:
        return Cell(MISSING)
    low, high = min(part.classes.values()), max(part.classes.values())
    return Cell(f"{len(part.classes)} classes of {count(low)} to {count(high)} rows")


def dropped(reasons: Mapping[str, int]) -> Table:
    """Rows that were left out."""
    rows = [(Cell(reason.replace("_", " ")), Cell(count(n))) for reason, n in reasons.items()]
    return table("Rows left out", (Column("Reason"), Column("Rows", numeric=True)), rows)


def sources(found: Sequence[SourceRecord]) -> Table:
    """Where models and data came from, and under which licence."""
    rows = [
        (Cell(s.role), Cell(s.uri), Cell(s.license or "not stated"), Cell(s.sha256, code=True)) for s in found
    ]
    columns = (Column("For"), Column("From"), Column("Licence"), Column("sha256"))
    return table("Sources", columns, rows)


def files(report: Report) -> Table:
    """Every exported file with its hash."""
    rows = []
    for a in report.artifacts:
        parameters = Cell(millions(a.parameters))
        rows.append(
            (Cell(a.name), Cell(a.path, code=True), Cell(size(a.size_bytes)), parameters, _hash(a.sha256))
        )
        if a.ort is not None:
            off = f"{a.ort.difference:.0e} away at most" if a.ort.difference else "the same numbers"
            rows.append(
                (
                    Cell(f"{a.name}, ONNX Runtime’s format", note=off),
                    Cell(a.ort.path, code=True, note=a.ort.operators),
                    Cell(size(a.ort.size_bytes)),
                    parameters,
                    _hash(a.ort.sha256),
                )
            )
    columns = (
        Column("Artifact"),
        Column("File"),
        Column("Size", numeric=True),
        Column("Parameters", numeric=True),
        Column("sha256"),
    )
    return table("Files and their hashes", columns, rows)


def _hash(text: str) -> Cell:
    return Cell(text, code=True)


def fingerprints(report: Report) -> Table:
    """Hashes of what went in and what was trained."""
    hashes = {
        "Rows, labels and cut": report.data.fingerprint if report.data else "",
        "Resolved recipe": report.recipe.fingerprint,
        "Teacher’s weights": report.teacher.sha256 if report.teacher else "",
        "Student’s weights": report.student.sha256 if report.student else "",
    }
    rows = [(Cell(what), Cell(found, code=True)) for what, found in hashes.items() if found]
    return table("Fingerprints", (Column("Of"), Column("sha256")), rows)


def stages(runs: Sequence[StageRecord]) -> Table:
    """How long each stage took."""
    rows = [
        (Cell(s.name), Cell(seconds(s.seconds)), Cell("from an earlier run" if s.reused else "this run"))
        for s in runs
    ]
    return table("Time by stage", (Column("Stage"), Column("Time", numeric=True), Column("Made in")), rows)


def environment(recorded: Mapping[str, JsonValue]) -> Table:
    """Machine, versions and settings."""
    rows = [(Cell(key), Cell(value)) for key, value in _flat(recorded)]
    return table("Environment", (Column("What"), Column("Value")), rows)


def _flat(values: Mapping[str, JsonValue], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        # Below `versions` are names of packages, and in capitals those of variables: both stay as they are.
        plain = key if prefix.startswith("versions") or key.isupper() else key.replace("_", " ")
        name = f"{prefix}{plain}"
        if key.endswith("_bytes") and isinstance(value, int):
            yield name.removesuffix(" bytes"), size(value)
        elif isinstance(value, dict):
            yield from _flat(value, f"{name}, ")
        elif isinstance(value, list):
            yield name, ", ".join(str(v) for v in value) or MISSING
        elif isinstance(value, bool):
            yield name, "yes" if value else "no"
        else:
            yield name, MISSING if value is None or value == "" else str(value)


def not_measured(gaps: Sequence[NotMeasured]) -> Table:
    """What a reader might look for and not find."""
    rows = [(Cell(gap.what), Cell(gap.why)) for gap in gaps]
    return table("Not measured", (Column("What"), Column("Why")), rows)
