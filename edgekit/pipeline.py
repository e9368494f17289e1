"""The main job: every stage, in order. The only file that names them all.

recipe → assets → data → teacher → student (and label-only) → scores → export, quantize, verify →
benchmark → report
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import GateFailed
from edgekit.files import folder_lock, sha256_json, write_json
from edgekit.quiet import hush
from edgekit.recipe.schema import Recipe
from edgekit.threads import share_cores
from edgekit.types import BenchResult, Source, Trained

if TYPE_CHECKING:
    from edgekit.assets.fetch import Plan
    from edgekit.report.document import Report
    from edgekit.stages.artifacts import Built, Workbench
    from edgekit.stages.context import Context
    from edgekit.stages.scoring import Scores

RESULTS = Path("exported")


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run would do, for `--dry-run`."""

    folder: Path
    downloads: tuple[Plan, ...]
    stages: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunResult:
    """Where a finished run's results lie, and what they are."""

    folder: Path
    report: Report
    rejected: tuple[str, ...]

    @property
    def headline(self) -> str:
        """The result in one sentence."""
        from edgekit.report.summary import headline

        return headline(self.report)


def plan_run(recipe: Recipe, *, out: Path | None = None) -> RunPlan:
    """What `run_recipe` would download, do and write. Changes nothing."""
    from edgekit.assets.fetch import describe
    from edgekit.export.targets import file_name, get_target

    assets = [a for a in (recipe.teacher.model, recipe.data.source, recipe.data.test_source) if a]
    stages = [
        "fine-tune the teacher" if recipe.teacher.finetune else "save the teacher",
        "distil the student",
    ]
    writes = ["teacher/", "student/"]
    if recipe.baselines.label_only:
        stages.append("train the same student on labels alone")
        writes.append("label-only/")
    if recipe.baselines.tfidf:
        stages.append("fit TF-IDF + logistic regression")
    stages.append("score on the test split")
    for export in recipe.exports:
        target = get_target(export.target)
        for precision in export.precisions:
            stages.append(f"export and verify {export.target} {precision}")
            writes.append(f"student/{target.folder}/{file_name(target, precision)}")
    if recipe.exports and recipe.benchmark.enabled:
        stages.append("benchmark teacher and students, interleaved")
        writes.append("teacher/onnx/model.onnx")
    stages.append("report")
    return RunPlan(
        folder=out or RESULTS / recipe.name,
        downloads=tuple(describe(asset) for asset in assets),
        stages=tuple(stages),
        writes=(*writes, "report.html", "report.md", "report.json", "student/README.md"),
    )


def run_recipe(
    recipe: Recipe, *, out: Path | None = None, offline: bool = False, command: str = ""
) -> RunResult:
    """Runs a recipe from its assets to its report; stages whose inputs have not changed are skipped.

    Args:
        out: results folder; `exported/<name>` when None.
        offline: use cached assets only.
        command: how to reproduce this, for the report.

    Raises:
        GateFailed: an artifact didn't pass its gates; the report is written all the same.
        RunLocked: another process works on the same folder.
        EdgekitError: see each stage.
    """
    hush()
    share_cores()
    folder = out or RESULTS / recipe.name
    with folder_lock(folder):
        context = prepare(recipe, folder, offline=offline)
        teacher, student, label_only = train_models(context)
        scores = _scores(context, teacher, student, label_only)
        student_bench = workbench(context, student)
        built = export_all(context, student_bench)
        reference = _teacher_artifact(context, teacher) if built and recipe.benchmark.enabled else None
        measured = _benchmark(context, teacher, student, built, reference)
        report = _report(
            context, teacher, student, label_only, scores, built, reference, measured, command=command
        )
    rejected = tuple(b.artifact.name for b in built if b.rejected_because)
    if rejected:
        reasons = "; ".join(f"{b.artifact.name}: {b.rejected_because}" for b in built if b.rejected_because)
        raise GateFailed(
            f"{len(rejected)} of {len(built)} artifacts did not pass and lie in {folder}/student/rejected: "
            f"{reasons}.",
            remedy="See report.html; loosen `gates` in the recipe only if your app can live with that.",
        )
    _check_retained(recipe, scores, folder)
    return RunResult(folder, report, rejected)


def prepare(recipe: Recipe, folder: Path, *, offline: bool = False) -> Context:
    """Fetches the assets and cuts the data."""
    from edgekit.assets.fetch import fetch
    from edgekit.data.splits import load_splits
    from edgekit.stages.context import Context
    from edgekit.stages.store import Store

    sources: dict[str, Source] = {
        "teacher": fetch(recipe.teacher.model, kind="model", offline=offline),
        "data": fetch(recipe.data.source, kind="data", offline=offline),
    }
    if recipe.data.test_source:
        sources["test data"] = fetch(recipe.data.test_source, kind="data", offline=offline)
    test = sources.get("test data")
    splits = load_splits(
        sources["data"].path, recipe.data, seed=recipe.seed, test_path=test.path if test else None
    )
    context = Context(recipe=recipe, store=Store(folder), sources=sources, splits=splits)
    context.base  # noqa: B018 - a teacher that doesn't fit the data is refused before anything is written
    return context


def train_models(context: Context) -> tuple[Trained, Trained, Trained | None]:
    """Teacher, student, and the label-only student if the recipe asks for it."""
    from edgekit.stages.training import train_label_only, train_student, train_teacher

    teacher = train_teacher(context)
    student = train_student(context, teacher)
    alone = train_label_only(context) if context.recipe.baselines.label_only else None
    return teacher, student, alone


def _scores(context: Context, teacher: Trained, student: Trained, label_only: Trained | None) -> Scores:
    from edgekit.stages.scoring import score

    return score(context, teacher, student, label_only)


def workbench(context: Context, trained: Trained) -> Workbench:
    """The export bench of a model that this run trained."""
    from edgekit.stages.artifacts import Workbench
    from edgekit.stages.scoring import test_logits
    from edgekit.stages.training import load_trained

    return Workbench(
        store=context.store,
        load=lambda: load_trained(context, trained),
        name=trained.name,
        sha256=trained.sha256,
        folder=trained.path,
        rows=context.test_rows,
        labels=context.splits.test.labels,
        rows_key=sha256_json([context.splits.fingerprint, context.max_length]),
        gates=context.recipe.gates,
        provenance=context.provenance(model=trained.name, weights_sha256=trained.sha256),
        logits=lambda: test_logits(context, trained),
        threads=context.recipe.benchmark.threads,
    )


def export_all(context: Context, bench: Workbench) -> list[Built]:
    """Every target of the recipe."""
    from edgekit.stages.artifacts import build_target

    return [one for export in context.recipe.exports for one in build_target(bench, export)]


def _teacher_artifact(context: Context, teacher: Trained) -> Built:
    """The teacher's own fp32 ONNX: what the student's speed and size are compared with."""
    from edgekit.recipe.schema import Export
    from edgekit.stages.artifacts import build_target

    return build_target(workbench(context, teacher), Export(target="onnx", precisions=("fp32",)))[0]


def _benchmark(
    context: Context, teacher: Trained, student: Trained, built: Sequence[Built], reference: Built | None
) -> BenchResult | None:
    from edgekit.stages.measuring import benchmark

    return benchmark(context, teacher, student, built, reference) if reference else None


def _report(context: Context, *results: Any, command: str) -> Report:
    from edgekit.stages.reporting import assemble, write

    report = assemble(context, *results, command=command)
    write(context, report)
    write_json(context.store.private / "run.json", {"recipe": context.recipe.model_dump(mode="json")})
    return report


def _check_retained(recipe: Recipe, scores: Scores, folder: Path) -> None:
    if scores.retained is not None and scores.retained.value < recipe.gates.min_retained:
        raise GateFailed(
            f"The student keeps {100 * scores.retained.value:.1f} % of the teacher's accuracy; "
            f"gates.min_retained asks for {100 * recipe.gates.min_retained:.1f} %.",
            remedy=f"Give it more layers, epochs or data; everything made so far lies in {folder}.",
        )
