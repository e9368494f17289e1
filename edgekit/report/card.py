"""The model card: README.md of the student's folder, in the Hub's form."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edgekit.files import atomic
from edgekit.report import origin_tables, quality_tables, result_tables, summary
from edgekit.report.document import ArtifactRecord, Report
from edgekit.report.inputs import input_words
from edgekit.report.markup import code, draw, escape, fence
from edgekit.report.table import Cell, Column, Table, table
from edgekit.report.usage import USAGE, onnx_code
from edgekit.report.verdict import is_verified, verdict
from edgekit.report.words import count, in_words, milliseconds, points, seconds, size, span, visible
from edgekit.tasks import get_task

_ONNX = ("onnx", "onnxruntime")


def write_card(
    report: Report,
    model_folder: Path,
    *,
    report_folder: Path,
    license: str | None = None,
    languages: Sequence[str] = (),
    base_model: str | None = None,
    datasets: Sequence[str] = (),
) -> Path:
    """Writes README.md into the student's folder, atomically.

    Args:
        report_folder: where report.json lies; artifact paths are relative to it.
        license: SPDX name of the student's licence; None: that of the teacher it was cut from.
        languages: ISO 639 codes; empty when not known.
        base_model: Hub id of the teacher, if it has one.
        datasets: Hub ids of the data sets, if they have one.

    Raises:
        DiskFull: no space was left; the old card is untouched.
    """
    front = _front_matter(report, license, languages, base_model, datasets)
    blocks = [
        f"---\n{front}\n---",
        f"# {escape(_title(report))}",
        escape(summary.headline(report)),
        *_usage(report, model_folder, report_folder),
        *_evaluation(report),
        *_files(report, model_folder, report_folder),
        *_training(report),
        *_data(report, languages),
        *_limits(report, languages),
    ]
    path = model_folder / "README.md"
    with atomic(path) as temporary:
        temporary.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    return path


def _title(report: Report) -> str:
    return f"{report.recipe.name}: {report.student.name if report.student else 'student'}"


def _licence(report: Report, given: str | None) -> str:
    """The Hub writes SPDX names in lower case, and has the word `unknown`."""
    inherited = next((s.license for s in report.sources if s.role == "teacher" and s.license), None)
    return visible(given or inherited or "unknown").lower()


def _front_matter(
    report: Report,
    license: str | None,
    languages: Sequence[str],
    base_model: str | None,
    datasets: Sequence[str],
) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    student, usage, results = report.student, USAGE[report.task], None
    if student is not None and student.score is not None and report.metric:
        results = [
            EvalResult(
                task_type=usage.tag,
                dataset_type=datasets[0] if datasets else "custom",
                dataset_name=visible(
                    next((s.uri for s in report.sources if s.role == "data"), report.recipe.name)
                ),
                dataset_split="test",
                metric_type=visible(report.metric),
                metric_value=round(student.score, 6),
            )
        ]
    card = ModelCardData(
        license=_licence(report, license),
        language=list(languages) or None,
        library_name=usage.library,
        pipeline_tag=usage.tag,
        base_model=base_model,
        datasets=list(datasets) or None,
        metrics=[visible(report.metric)] if report.metric else None,
        tags=["distillation", "on-device", "edgekit"],
        model_name=visible(_title(report)),
        eval_results=results,
        ignore_metadata_errors=False,
    )
    return card.to_yaml().rstrip()


def _usage(report: Report, model_folder: Path, report_folder: Path) -> list[str]:
    usage = USAGE[report.task]
    limit = report.data.token_lengths.limit if report.data and report.data.token_lengths else None
    cut = f"truncation=True, max_length={limit}" if limit else "truncation=True"
    blocks = [
        "## How to use",
        f"With {usage.library}, from this folder (or by its name on a hub):",
        fence(usage.python.replace("{cut}", cut), "python"),
    ]
    onnx = _onnx_file(report)
    if onnx is not None:
        path = _beside(onnx, model_folder, report_folder)
        blocks += ["With ONNX Runtime, without PyTorch:", fence(onnx_code(usage, path, cut), "python")]
    path = _beside(onnx, model_folder, report_folder) if onnx is not None else "."
    blocks += ["With edgekit:", fence(f'edgekit predict {_shell(path)} "{usage.text}"', "sh")]
    return blocks


def _shell(path: str) -> str:
    import shlex

    return shlex.quote(path)


def _onnx_file(report: Report) -> ArtifactRecord | None:
    """The smallest verified ONNX student."""
    found = [a for a in report.artifacts if a.model == "student" and a.target in _ONNX and is_verified(a)]
    return min(found, key=lambda a: a.size_bytes, default=None)


def _beside(artifact: ArtifactRecord, model_folder: Path, report_folder: Path) -> str:
    return Path(os.path.relpath(report_folder / artifact.path, model_folder)).as_posix()


def _evaluation(report: Report) -> list[str]:
    found = result_tables.distillation(report)
    blocks = ["## Evaluation", "On the test split, which took no part in training or in any choice."]
    blocks.append(draw(found) if found else "Nothing was scored in this run.")
    if gained := summary.gain(report):
        blocks.append(escape(gained))
    return blocks


def _files(report: Report, model_folder: Path, report_folder: Path) -> list[str]:
    rows = []
    for artifact in report.artifacts:
        if artifact.model != "student" or artifact.rejected:
            continue
        timing = artifact.timing
        within = span(artifact.score_low, artifact.score_high, 100)
        rows.append(
            (
                Cell(_beside(artifact, model_folder, report_folder), code=True),
                Cell(artifact.precision),
                Cell(size(artifact.size_bytes)),
                Cell(points(artifact.score), note=within),
                Cell(milliseconds(timing.p50_ms if timing else None)),
                verdict(artifact),
            )
        )
    columns = (
        Column("File"),
        Column("Precision"),
        Column("Size", numeric=True),
        Column("Score", unit="%", numeric=True),
        Column("p50", unit="ms", numeric=True),
        Column("Checked"),
    )
    found = table("Files", columns, rows)
    return ["## Exported files", draw(found)] if found else []


def _training(report: Report) -> list[str]:
    student, teacher = report.student, report.teacher
    blocks = ["## Training"]
    if student is not None:
        size_of = f", {count(student.parameters)} parameters" if student.parameters is not None else ""
        took = f", trained for {seconds(student.seconds)}" if student.seconds is not None else ""
        where = f" on {student.device} in {student.precision}" if student.device and student.precision else ""
        taught = f"Taught by {teacher.name}. " if teacher else ""
        blocks.append(escape(f"{taught}The student is {student.name}{size_of}{took}{where}."))
    if report.command:
        blocks += ["To train it again:", fence(report.command, "sh")]
    if report.recipe.fingerprint:
        blocks.append(f"Recipe fingerprint: {code(report.recipe.fingerprint)}")
    return blocks if len(blocks) > 1 else []


def _data(report: Report, languages: Sequence[str]) -> list[str]:
    tables: list[Table] = [
        origin_tables.splits(report),
        origin_tables.dropped(report.data.dropped if report.data else {}),
        origin_tables.sources(report.sources),
    ]
    spoken = ", ".join(languages) or "not stated"
    return ["## Data and licences", *(draw(t) for t in tables if t), f"Language: {escape(spoken)}."]


def _limits(report: Report, languages: Sequence[str]) -> list[str]:
    words = input_words(report.task)
    limits = [f"Scores are from one test split of one data set: expect less on other {words.many}."]
    test = next((s.rows for s in report.data.splits if s.name == "test"), None) if report.data else None
    if test:
        limits.append(
            f"The test split has {count(test)} rows; the intervals say how much of a difference is noise."
        )
    lengths = report.data.token_lengths if report.data else None
    if lengths is not None:
        limits.append(f"Texts are cut after {count(lengths.limit)} tokens.")
    if report.labels and get_task(report.task).truth == "class":
        limits.append(
            f"It always answers with one of its {count(len(report.labels))} labels, whatever the {words.one}."
        )
    if not languages and words.one == "text":
        limits.append("Its language was not stated, and no other language was tried.")
    limits.append("What the teacher and the data get wrong about groups of people was not examined.")
    reasons = dict.fromkeys(gap.why for gap in report.not_measured)
    for why in reasons:
        limits.append(
            f"Not measured: {in_words([g.what for g in report.not_measured if g.why == why])}. {why}"
        )
    skipped = quality_tables.skipped(report)
    if skipped:
        limits.append("Some weights kept their precision; the report lists each with its reason.")
    return ["## Limits", "\n".join(f"- {escape(limit)}" for limit in limits)]
