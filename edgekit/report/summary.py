"""The result in plain words, with its figures and their intervals."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.report.document import ArtifactRecord, Report
from edgekit.report.inputs import input_words
from edgekit.report.verdict import is_verified, kind
from edgekit.report.words import (
    THIN,
    change,
    count,
    in_words,
    metric_words,
    milliseconds,
    number,
    percent,
    size,
    times,
    within,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that the page shows large."""

    label: str
    value: str
    note: str


def best_artifact(report: Report) -> ArtifactRecord | None:
    """The smallest verified student file, of those whose speed is known if there are any; without one, the
    smallest that was not rejected."""
    candidates = [a for a in report.artifacts if a.model == "student" and not a.rejected]
    verified = [a for a in candidates if is_verified(a)]
    timed = [a for a in verified if a.timing and a.timing.speedup]
    return min(timed or verified or candidates, key=lambda a: a.size_bytes, default=None)


def headline(report: Report) -> str:
    """One sentence: what the student keeps, and how small and fast its best file is."""
    kept, best = _kept(report), _best(report)
    if kept and best:
        return f"{kept}; {best}."
    if kept or best:
        text = kept or best
        return f"{text[:1].upper()}{text[1:]}."
    if report.artifacts:
        return f"{count(len(report.artifacts))} {_files(len(report.artifacts))} written; nothing was scored."
    return "Nothing was scored or exported in this run."


def _kept(report: Report) -> str:
    metric = metric_words(report.metric)
    student = report.student
    if report.retained is not None:
        kept = report.retained
        interval = within(kept.low, kept.high, 100, unit="%")
        return f"The student keeps {percent(kept.value)} of its teacher’s {metric} ({interval})"
    if student is not None and student.score is not None:
        interval = within(student.score_low, student.score_high, 100, unit="%")
        return f"The student scores {percent(student.score)} {metric}{f' ({interval})' if interval else ''}"
    return ""


def _best(report: Report) -> str:
    best = best_artifact(report)
    if best is None:
        return ""
    reference = speed_reference(report)
    claims = [f"is {size(best.size_bytes)}"]
    against = ""
    if reference is not None and reference.name != best.name:
        claims = [_smaller(best.size_bytes / reference.size_bytes)] if reference.size_bytes else claims
        against = f" than the {reference.model}’s {kind(reference)}"
        speedup = best.timing.speedup if best.timing else None
        if speedup is not None:
            claims.append(_faster(speedup.value))
    return f"its {kind(best)} file {in_words(claims)}{against}"


def _smaller(ratio: float) -> str:
    return f"is {times(1 / ratio)} smaller" if 0 < ratio <= 1 else f"is {times(ratio)} larger"


def _faster(speedup: float) -> str:
    return f"{times(speedup)} faster" if speedup >= 1 else f"{times(1 / speedup)} slower"


def speed_reference(report: Report) -> ArtifactRecord | None:
    """The artifact that speed-ups are against, when it is one of this report's."""
    return next((a for a in report.artifacts if a.name == report.speedup_reference), None)


def gain(report: Report) -> str:
    """What the teacher was worth, and whether the test split is large enough to show it."""
    found = report.gain_over_label_only
    if found is None:
        return ""
    interval = within(found.low, found.high)
    learning = "Learning from the teacher, rather than from labels alone,"
    if found.low > 0:
        return f"{learning} gained {number(found.value)} points ({interval}): more than chance would explain."
    if found.high < 0:
        return f"{learning} lost {number(-found.value)} points ({interval}): distillation did not pay here."
    return (
        f"{learning} changed the score by {change(found.value)} points ({interval}). The interval includes "
        "zero: this test split can’t tell the difference from chance."
    )


def checked(report: Report) -> str:
    """How many files were run and verified, how many were not run, and which were rejected."""
    if not report.artifacts:
        return ""
    total = len(report.artifacts)
    verified = sum(is_verified(a) for a in report.artifacts)
    unexecuted = [a for a in report.artifacts if a.parity is not None and not a.parity.executed]
    rejected = [a.name for a in report.artifacts if a.rejected]
    sentences = [f"{count(verified)} of {count(total)} exported {_files(total)} run and verified."]
    if by_reference(report):
        sentences.append("Core ML was executed by reference semantics, not on a device.")
    if unexecuted:
        was = "was" if len(unexecuted) == 1 else "were"
        sentences.append(f"{count(len(unexecuted))} {was} not executed here, only checked for structure.")
    sentences.append(f"Rejected: {in_words(rejected)}." if rejected else "None was rejected.")
    return " ".join(sentences)


def by_reference(report: Report) -> bool:
    """Whether a Core ML file was executed off a Mac."""
    return any(a.parity is not None and "reference semantics" in a.parity.runtime for a in report.artifacts)


def _files(total: int) -> str:
    return "file was" if total == 1 else "files were"


def key_figures(report: Report) -> list[Figure]:
    """Up to four numbers, most important first."""
    figures = []
    if report.retained is not None:
        kept = report.retained
        note = within(kept.low, kept.high, 100)
        figures.append(Figure("of the teacher’s score kept", percent(kept.value), note))
    elif report.student is not None and report.student.score is not None:
        student = report.student
        note = within(student.score_low, student.score_high, 100)
        figures.append(Figure(f"student {metric_words(report.metric)}", percent(student.score), note))
    best = best_artifact(report)
    if best is not None:
        reference = speed_reference(report)
        note = f"from {size(reference.size_bytes)}" if reference and reference.name != best.name else ""
        figures.append(Figure(f"{kind(best)} file", size(best.size_bytes), note))
        if best.timing is not None and best.timing.p50_ms is not None:
            note = ""
            if reference is not None and reference.timing is not None and reference.name != best.name:
                note = f"from {milliseconds(reference.timing.p50_ms)}{THIN}ms"
            label = f"{input_words(report.task).a}, median"
            figures.append(Figure(label, f"{milliseconds(best.timing.p50_ms)}{THIN}ms", note))
    if report.gain_over_label_only is not None:
        found = report.gain_over_label_only
        note = within(found.low, found.high)
        figures.append(Figure("points over labels alone", change(found.value), note))
    return figures
