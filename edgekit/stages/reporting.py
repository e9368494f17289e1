"""The last stage: everything that was recorded, as one report and a model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgekit.files import sha256_json, size_bytes
from edgekit.recipe.schema import TaskName
from edgekit.stages.bundling import kit_records
from edgekit.stages.context import Context
from edgekit.stages.devices import PHONE, kept_results, with_devices
from edgekit.tasks import get_task
from edgekit.types import BenchResult, Trained

if TYPE_CHECKING:
    from edgekit.report.document import Report
    from edgekit.stages.artifacts import Built
    from edgekit.stages.bundling import Kit
    from edgekit.stages.scoring import Scores


def assemble(
    context: Context,
    teacher: Trained,
    student: Trained,
    label_only: Trained | None,
    scores: Scores,
    built: Sequence[Built],
    reference: Built | None,
    measured: BenchResult | None,
    kits: Sequence[Kit],
    *,
    command: str,
) -> Report:
    """Joins a run's records into a `Report`."""
    from edgekit.benchmark.environment import record_environment
    from edgekit.recipe.dump import to_yaml
    from edgekit.report.build import build_report, describe_data
    from edgekit.report.document import NotMeasured, StageRecord, TokenLengths
    from edgekit.report.results import ArtifactResult, BaselineResult, ModelResult

    recipe = context.recipe
    off = BaselineResult(not_measured="Switched off in the recipe.")
    no_tfidf = BaselineResult(not_measured=scores.tfidf_missing) if scores.tfidf_missing else off
    rmse = scores.rmse.get
    timings = measured.timings if measured else ()
    by_name = {t.artifact: t for t in timings}
    # On a Mac a Core ML artifact has one row per compute unit; the report's artifact row shows the first.
    for timing in timings:
        if timing.compute_units:
            by_name.setdefault(timing.artifact.removesuffix(f" {timing.compute_units}"), timing)
    everything = [(b, "student") for b in built] + ([(reference, "teacher")] if reference else [])
    results = [
        ArtifactResult(
            artifact=b.artifact,
            model=role,  # type: ignore[arg-type]
            parity=b.parity,
            timing=by_name.get(b.artifact.name),
            quantized=b.quantized,
            rejected_because=b.rejected_because,
            ort=b.ort,
        )
        for b, role in everything
    ]
    used = {id(r.timing) for r in results if r.timing}
    missing = []
    if not recipe.benchmark.enabled:
        missing.append(
            NotMeasured(what="Latency and memory", why="The benchmark is switched off in the recipe.")
        )
    missing.append(NotMeasured(what=PHONE, why="No phone was attached: import what a kit measured on one."))
    stats = context.token_stats
    report = build_report(
        name=recipe.name,
        description=recipe.description,
        folder=context.folder,
        recipe_yaml=to_yaml(recipe),
        recipe_fingerprint=sha256_json(recipe.model_dump(mode="json")),
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        labels=context.splits.label_names,
        task=cast(TaskName, recipe.task),  # a decoder's is reported elsewhere
        metric=get_task(recipe.task).metric,
        data=describe_data(
            context.splits,
            token_lengths=None
            if get_task(recipe.task).reads != "text"
            else TokenLengths(
                limit=stats.max_length,
                p50=stats.p50,
                p90=stats.p90,
                p99=stats.p99,
                longest=stats.longest,
                cut_share=stats.cut_share,
            ),
        ),
        sources=context.sources,
        teacher=ModelResult(
            "teacher", scores.teacher, teacher.parameters, _size(teacher), teacher, rmse("teacher")
        ),
        student=ModelResult(
            "student", scores.student, student.parameters, _size(student), student, rmse("student")
        ),
        retained=scores.retained,
        label_only=BaselineResult(scores.label_only, label_only, rmse=rmse("label_only"))
        if label_only
        else off,
        tfidf=BaselineResult(scores.tfidf, rmse=rmse("tfidf")) if scores.tfidf else no_tfidf,
        gain_over_label_only=scores.gain_over_label_only,
        artifacts=results,
        speedup_reference=reference.artifact.name if reference and timings else None,
        other_timings=[t for t in timings if id(t) not in used],
        stages=[StageRecord(name=s.name, seconds=s.seconds, reused=s.reused) for s in context.store.runs],
        environment=measured.environment if measured else record_environment(recipe.benchmark.threads),
        not_measured=missing,
        kits=kit_records(kits, context.folder),
    )
    return with_devices(report, kept_results(context.folder))


def write(context: Context, report: Report) -> Mapping[str, Path]:
    """Writes report.json, report.html, report.md, and the student's model card."""
    from edgekit.report.card import write_card
    from edgekit.report.render import write_report

    paths = write_report(report, context.folder)
    write_card(report, context.folder / "student", report_folder=context.folder)
    return {p.name: p for p in paths}


def _size(trained: Trained) -> int:
    return size_bytes(trained.path / "model.safetensors")
