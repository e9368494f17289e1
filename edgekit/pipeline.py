"""The main job: every stage, in order. The only file that names them all.

recipe → assets → data → plan → teachers → (pretrained) → (assistants, generations) → student (and label-only)
→ scores → export, quantize, verify → benchmark → kits → report
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.distill import processes
from edgekit.errors import GateFailed
from edgekit.files import folder_lock, sha256_json, write_json
from edgekit.quiet import hush
from edgekit.recipe.schema import Asset, Recipe
from edgekit.tasks import TEXT_GENERATION, get_task
from edgekit.threads import share_cores
from edgekit.types import BenchResult, Source, Trained

if TYPE_CHECKING:
    from edgekit.assets.fetch import Plan
    from edgekit.report.document import Report
    from edgekit.report.language import LanguageReport
    from edgekit.stages.artifacts import Built, Workbench
    from edgekit.stages.bundling import Kit
    from edgekit.stages.context import Context
    from edgekit.stages.decoder_artifacts import BuiltDecoder
    from edgekit.stages.scoring import Scores

RESULTS = Path("exported")
TRANSFER = "transfer data"
_REPORTS = ("report.html", "report.md", "report.json")


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
    report: Report | LanguageReport  # the second of a decoder
    rejected: tuple[str, ...]

    @property
    def example(self) -> str:
        """An input of its task, as a shell reads it."""
        from edgekit.report.inputs import input_words

        return input_words(self.report.task).example

    @property
    def headline(self) -> str:
        """The result in one sentence."""
        from edgekit.report.language import LanguageReport
        from edgekit.report.summary import headline

        return self.report.headline if isinstance(self.report, LanguageReport) else headline(self.report)


def plan_run(recipe: Recipe, *, out: Path | None = None) -> RunPlan:
    """What `run_recipe` would download, do and write. Changes nothing."""
    from edgekit.assets.fetch import describe
    from edgekit.export.decoder_targets import decoder_path
    from edgekit.export.targets import file_name, get_target
    from edgekit.stages.steps import steps, teachers

    stages, writes = ["check the plan"], []
    for name, teacher in teachers(recipe).items():
        stages.append(f"{'fine-tune' if teacher.finetune else 'save'} the {name.replace('-', ' ')}")
        writes.append(f"{name}/")
    if recipe.pretrain:
        stages.append("pretrain the student on masked texts")
        writes.append("pretrained/")
    for step in steps(recipe):
        stages.append(step.title[0].lower() + step.title[1:])
        writes.append(f"{step.name}/")
    if _has_label_only(recipe):
        stages.append("train the same student on labels alone")
        writes.append("label-only/")
    decoder = recipe.task == TEXT_GENERATION.name
    if recipe.baselines.tfidf and not decoder:
        from edgekit.report.inputs import input_words

        stages.append(f"fit {input_words(recipe.task).baseline} + logistic regression")
    stages.append("score on the test split")
    for export in recipe.exports:
        target = get_target(export.target)
        for precision in export.precisions:
            stages.append(f"export and verify {export.target} {precision}")
            if decoder:
                writes.append(f"{decoder_path(Path('student'), export.target, precision)}/")
                continue
            writes.append(f"student/{target.folder}/{file_name(target, precision)}")
            if export.ort:
                writes.append(str(Path(writes[-1]).with_suffix(".ort")))
    if recipe.exports and recipe.benchmark.enabled:
        whom = "the exports" if decoder else "teacher and students"
        stages.append(f"benchmark {whom}, interleaved")
        writes += [] if decoder else ["teacher/onnx/model.onnx"]
    for platform in dict.fromkeys(recipe.kits):
        stages.append(f"write the app kit for {platform}")
        writes.append(f"kits/{platform}/")
    stages.append("report")
    return RunPlan(
        folder=out or RESULTS / recipe.name,
        downloads=tuple(describe(asset) for asset in assets_of(recipe).values()),
        stages=tuple(stages),
        writes=(*writes, *_REPORTS, *(() if decoder else ("student/README.md",))),
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
    if not processes.is_main():
        # Of several processes of one run the others only train, and the main one tells of it.
        progress.listen(progress.Silent())
        train_models(prepare(recipe, folder, offline=offline))
        raise SystemExit(0)
    with folder_lock(folder):
        context = prepare(recipe, folder, offline=offline)
        teacher, student, label_only = train_models(context)
        if recipe.task == TEXT_GENERATION.name:
            return _finish_decoder(context, teacher, student, label_only, command=command)
        scores = _scores(context, teacher, student, label_only)
        built = export_all(context, workbench(context, student, teacher))
        reference = _teacher_artifact(context, teacher) if built and recipe.benchmark.enabled else None
        measured = _benchmark(context, teacher, student, built, reference)
        kits = _kits(context, built)
        report = _report(
            context, teacher, student, label_only, scores, built, reference, measured, kits, command=command
        )
    rejected = tuple(b.artifact.name for b in built if b.rejected_because)
    if rejected and not recipe.gates.keep_rejected:
        reasons = "; ".join(f"{b.artifact.name}: {b.rejected_because}" for b in built if b.rejected_because)
        raise GateFailed(
            f"{len(rejected)} of {len(built)} artifacts did not pass and lie in {folder}/student/rejected: "
            f"{reasons}.",
            remedy="See report.html; loosen `gates` in the recipe only if your app can live with that.",
        )
    _check_retained(recipe, scores, folder)
    return RunResult(folder, report, rejected)


def _finish_decoder(
    context: Context, teacher: Trained, student: Trained, label_only: Trained | None, *, command: str
) -> RunResult:
    """Scores, exports, benchmark, kits and report of a recipe for a decoder."""
    from edgekit.stages.language_results import export_decoders, report_decoders, score_decoders
    from edgekit.stages.llm_measuring import measure_exports

    models = [one for one in (teacher, student, label_only) if one is not None]
    sums = score_decoders(context, models)
    built = export_decoders(context, student)
    speeds = measure_exports(context, built)
    kits = _kits(context, built)
    report = report_decoders(context, models, sums, built, speeds, kits, command=command)
    rejected = tuple(one.artifact.name for one in built if one.rejected_because)
    if rejected and not context.recipe.gates.keep_rejected:
        reasons = "; ".join(f"{b.artifact.name}: {b.rejected_because}" for b in built if b.rejected_because)
        raise GateFailed(
            f"{len(rejected)} of {len(built)} artifacts did not pass and lie in {student.path}/rejected: "
            f"{reasons}.",
            remedy="See report.html; train the student longer, or export it in more bits.",
        )
    return RunResult(context.folder, report, rejected)


def prepare(recipe: Recipe, folder: Path, *, offline: bool = False) -> Context:
    """Fetches the assets and cuts the data."""
    from edgekit.assets.fetch import fetch
    from edgekit.data.splits import load_splits
    from edgekit.data.transfer import with_unlabelled
    from edgekit.distill.device import place
    from edgekit.stages.context import Context
    from edgekit.stages.store import Store

    def fetch_all() -> dict[str, Source]:
        return {
            name: fetch(asset, kind="data" if "data" in name else "model", offline=offline)
            for name, asset in assets_of(recipe).items()
        }

    device = place(recipe.device, recipe.precision).device
    sources = processes.from_main(fetch_all, device=device)
    test = sources.get("test data")
    splits = load_splits(
        sources["data"].path,
        recipe.data,
        seed=recipe.seed,
        test_path=test.path if test else None,
        task=recipe.task,
    )
    transfer = [
        (source, sources[f"{TRANSFER} {i}"].path) for i, source in enumerate(recipe.data.unlabelled, 1)
    ]
    splits = with_unlabelled(splits, transfer, seed=recipe.seed)
    context = Context(recipe=recipe, store=Store(folder, device), sources=sources, splits=splits)
    context.base  # noqa: B018 - a teacher that doesn't fit the data is refused before anything is written
    return context


def assets_of(recipe: Recipe) -> dict[str, Asset]:
    """Everything that a run fetches, by the name that `Context.sources` has for it."""
    from edgekit.stages.steps import steps, teachers

    named = {name: teacher.model for name, teacher in teachers(recipe).items()}
    named["data"] = recipe.data.source
    if recipe.data.test_source:
        named["test data"] = recipe.data.test_source
    for number, unlabelled in enumerate(recipe.data.unlabelled, 1):
        named[f"{TRANSFER} {number}"] = unlabelled.source
    return named | {step.source: step.student.model for step in steps(recipe) if step.student.model}


def train_models(context: Context) -> tuple[Trained, Trained, Trained | None]:
    """The first teacher, the student, and the label-only student if the recipe asks for it."""
    from edgekit.stages.pretraining import train_pretrained
    from edgekit.stages.steps import TEACHER
    from edgekit.stages.training import plan_students, train_label_only, train_student, train_teachers

    plan_students(context)
    taught_by = train_teachers(context)
    student = train_student(context, taught_by, train_pretrained(context))
    alone = train_label_only(context) if _has_label_only(context.recipe) else None
    processes.leave()
    return taught_by[TEACHER], student, alone


def _has_label_only(recipe: Recipe) -> bool:
    # A sentence embedding has no labels to learn from.
    return recipe.baselines.label_only and get_task(recipe.task).metric != "cosine"


def _scores(context: Context, teacher: Trained, student: Trained, label_only: Trained | None) -> Scores:
    from edgekit.stages.scoring import score

    return score(context, teacher, student, label_only)


def workbench(context: Context, trained: Trained, teacher: Trained) -> Workbench:
    """The export bench of a model that this run trained."""
    from edgekit.stages.artifacts import Workbench
    from edgekit.stages.compressing import calibration_split
    from edgekit.stages.scoring import test_logits, test_set, test_truth
    from edgekit.stages.training import load_trained

    # Of a masked-lm only decisions are kept; its parity runs the model again.
    kept = get_task(context.recipe.task).metric != "masked_accuracy"

    return Workbench(
        store=context.store,
        load=lambda: load_trained(context, trained),
        name=trained.name,
        sha256=trained.sha256,
        folder=trained.path,
        rows=test_set(context, trained)[0],
        labels=test_truth(context, trained, teacher),
        rows_key=sha256_json([context.splits.fingerprint, context.max_length]),
        gates=context.recipe.gates,
        provenance=context.provenance(model=trained.name, weights_sha256=trained.sha256),
        logits=(lambda: test_logits(context, trained)) if kept else None,
        threads=context.recipe.benchmark.threads,
        calibration=lambda: calibration_split(context, trained),
    )


def export_all(context: Context, bench: Workbench) -> list[Built]:
    """Every target of the recipe."""
    from edgekit.stages.artifacts import build_target

    return [one for export in context.recipe.exports for one in build_target(bench, export)]


def _teacher_artifact(context: Context, teacher: Trained) -> Built:
    """The teacher's own fp32 ONNX: what the student's speed and size are compared with."""
    from edgekit.recipe.schema import Export
    from edgekit.stages.artifacts import build_target

    return build_target(workbench(context, teacher, teacher), Export(target="onnx", precisions=("fp32",)))[0]


def _benchmark(
    context: Context, teacher: Trained, student: Trained, built: Sequence[Built], reference: Built | None
) -> BenchResult | None:
    from edgekit.stages.measuring import benchmark

    return benchmark(context, teacher, student, built, reference) if reference else None


def _kits(context: Context, built: Sequence[Built | BuiltDecoder]) -> list[Kit]:
    from edgekit.stages.bundling import bundle_all

    return bundle_all(context, [b for b in built if not b.rejected_because])


def _report(context: Context, *results: Any, command: str) -> Report:
    from edgekit.stages.reporting import assemble, write

    report = assemble(context, *results, command=command)
    write(context, report)
    write_json(context.store.private / "run.json", {"recipe": context.recipe.model_dump(mode="json")})
    return report


def _check_retained(recipe: Recipe, scores: Scores, folder: Path) -> None:
    if scores.retained is not None and scores.retained.value < recipe.gates.min_retained:
        raise GateFailed(
            f"The student keeps {100 * scores.retained.value:.1f} % of the teacher's score; "
            f"gates.min_retained asks for {100 * recipe.gates.min_retained:.1f} %.",
            remedy=f"Give it more layers, epochs or data; everything made so far lies in {folder}.",
        )
