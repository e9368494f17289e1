"""`fit.json` and `fit.md`: every student that was drawn, and the members of the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.codec import to_json
from edgekit.files import atomic, human, write_json
from edgekit.fit import ledger as book
from edgekit.fit.best import Member
from edgekit.fit.bounds import Bounds, Cost
from edgekit.fit.exact import FileCost
from edgekit.fit.search import PARAMETERS, SECONDS, WORDS, results_of, shape_of
from edgekit.fit.validation import Scored
from edgekit.types import Interval

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


MEMBER_HEAD = (
    "student", "file", "size", "ms p50", "× teacher's speed", "test score, %", "of the teacher's, %", "fits",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One student that was drawn."""

    number: int
    state: str  # "complete" | "pruned" | "running"
    student: str  # in words
    parameters: int | None
    params: dict[str, Any]  # as drawn
    files: tuple[FileCost, ...]  # untrained
    scored: tuple[Scored, ...]  # trained, on the validation split
    reached: float | None  # retention at the last evaluation of one that was stopped
    value: float | None  # what the search maximised
    seconds: float | None
    why: str  # why it is not in the running; "" if it is
    folder: str | None  # below the search's; deleted once others beat all its files


@dataclass(frozen=True, slots=True)
class Outcome:
    """A search that came to its end, or as far as it came."""

    recipe: str
    folder: Path
    bounds: Bounds
    target: str
    metric: str
    teacher_score: float  # on the validation split, 0–1
    teacher_cost: Cost  # of its plain file
    space: dict[str, Any]
    rows: tuple[Row, ...]
    frontier: tuple[tuple[int, str], ...]  # (student, precision) that no other beats, by size
    members: tuple[Member, ...]  # those that were exported and tested
    nearest: str = ""  # when nothing fits: what came nearest
    relax: tuple[str, ...] = ()  # and the options that would let something in
    environment: dict[str, Any] | None = None

    @property
    def holding(self) -> tuple[Member, ...]:
        """Members that keep to every bound on the test split and passed their gates."""
        return tuple(m for m in self.members if holds(m, self.bounds))


def holds(member: Member, bounds: Bounds) -> bool:
    """Whether a member keeps to the bounds on the test split; of the time, the search's own figure counts."""
    kept = member.retained.value if member.retained else None
    enough = kept is not None and bounds.keeps(kept)
    return not member.rejected_because and enough and not bounds.broken_by(Cost(member.size_bytes, None))


def row_of(trial: FrozenTrial) -> Row:
    """A trial as a row."""
    told, scored = trial.user_attrs, results_of(trial)
    reached = None
    if not scored and trial.intermediate_values:
        reached = trial.intermediate_values[max(trial.intermediate_values)]
    key = told.get(book.KEY)
    return Row(
        number=trial.number,
        state=trial.state.name.lower(),
        student=told.get(WORDS, ""),
        parameters=told.get(PARAMETERS),
        params=dict(trial.params),
        files=shape_of(trial),
        scored=scored,
        reached=reached,
        value=trial.value if trial.state.name == "COMPLETE" else None,
        seconds=told.get(SECONDS),
        why=told.get(book.WHY, ""),
        folder=f"trials/{key}" if key and scored else None,
    )


def write(outcome: Outcome) -> None:
    """Writes both files beside `study.db`, all or nothing."""
    told = to_json(outcome)
    told["folder"] = outcome.folder.name
    for member in told["members"]:  # no paths of this machine
        for name in ("folder", "path"):
            member[name] = Path(member[name]).relative_to(outcome.folder).as_posix()
    write_json(outcome.folder / "fit.json", told)
    with atomic(outcome.folder / "fit.md") as temporary:
        temporary.write_text(markdown(outcome), encoding="utf-8")


def markdown(outcome: Outcome) -> str:
    """The result in Markdown: members on test rows, then every student on validation rows."""
    teacher = outcome.teacher_cost
    lines = [
        f"# {outcome.recipe}: students with {outcome.bounds}",
        "",
        f"The teacher's own {outcome.target} file takes {human(teacher.size_bytes)}"
        + (f" and {teacher.ms:.3g} ms a row" if teacher.ms is not None else "")
        + f"; its validation {outcome.metric} is {100 * outcome.teacher_score:.1f} %.",
        "Times are those of the median validation row at batch 1, tokenization excluded, undisturbed; in "
        "brackets, in the slowest round.",
        "",
        "![Retention against size](fit.svg)",
        "",
        "## The students that no other beats",
        "",
    ]
    if outcome.members:
        lines += _table(
            (*MEMBER_HEAD, "where"),
            [(*member_cells(m, outcome), _where(m, outcome)) for m in outcome.members],
        )
        others = len(outcome.frontier) - len(outcome.members)
        if others > 0:
            lines += ["", f"{others} more files that no other beats are in the table below, marked *."]
        lines += [
            "",
            "On test rows, which the search never saw. Brackets: 95 % interval over rows, paired with the "
            "teacher. `recipe.yaml` in each folder makes that student again.",
        ]
    else:
        lines += [outcome.nearest or "None yet.", ""]
        lines += [f"- {option}" for option in outcome.relax]
    lines += ["", "## Every student that was drawn", ""]
    lines += _table(
        ("student", "shape", "file", "size", "ms", "validation, % of the teacher's", "s", ""),
        [line for row in outcome.rows for line in _row_cells(row, outcome)],
    )
    return "\n".join([*lines, ""])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return lines + [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]


def member_cells(member: Member, outcome: Outcome) -> tuple[str, ...]:
    """A member's cells under `MEMBER_HEAD`."""
    return (
        str(member.trial),
        f"{outcome.target} {member.precision}",
        human(member.size_bytes),
        f"{member.p50_ms:.3g}" if member.p50_ms is not None else "not timed",
        _span(member.speedup, 1),
        _span(member.score, 100),
        _span(member.retained, 100),
        member.rejected_because or ("yes" if holds(member, outcome.bounds) else "not on test rows"),
    )


def tested(outcome: Outcome) -> str:
    """What the members kept on the test rows, in words."""
    return "; ".join(
        f"student {m.trial} as {m.precision} keeps "
        + (f"{100 * m.retained.value:.1f} % [{100 * m.retained.low:.1f}, {100 * m.retained.high:.1f}]"
           if m.retained else "an unknown share")
        + (f" and was rejected ({m.rejected_because})" if m.rejected_because else "")
        for m in outcome.members
    )  # fmt: skip


def _where(member: Member, outcome: Outcome) -> str:
    folder = member.folder.relative_to(outcome.folder).as_posix()
    return f"[{folder}]({folder}/report.html)"


def _span(interval: Interval | None, scale: float) -> str:
    if interval is None:
        return "–"
    low, value, high = (scale * v for v in (interval.low, interval.value, interval.high))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def _row_cells(row: Row, outcome: Outcome) -> list[tuple[str, ...]]:
    student = (str(row.number), row.student or _drawn(row.params))
    seconds = f"{row.seconds:.0f}" if row.seconds is not None else ""
    if row.scored:
        return [
            (
                *(student if index == 0 else ("", "")),
                one.precision + (" *" if (row.number, one.precision) in outcome.frontier else ""),
                human(one.size_bytes),
                _ms(one),
                f"{100 * one.retention:.1f}" if one.retention is not None else "–",
                seconds if index == 0 else "",
                one.rejected_because or (row.why if index == 0 else ""),
            )
            for index, one in enumerate(row.scored)
        ]
    made = [f for f in row.files if not f.error]
    least = min(made, key=lambda f: f.size_bytes, default=None)
    reached = f"({100 * row.reached:.1f})" if row.reached is not None else ""
    told = (least.precision, human(least.size_bytes), _ms(least)) if least else ("", "", "")
    return [(*student, *told, reached, seconds, row.why or row.state)]


def _drawn(params: dict[str, Any]) -> str:
    return ", ".join(f"{key.rsplit('.', 1)[-1]} {value}" for key, value in params.items())


def _ms(one: FileCost | Scored) -> str:
    if one.ms is None or one.ms_high is None:
        return "–"
    return f"{one.ms:.2g} (to {one.ms_high:.2g})"
