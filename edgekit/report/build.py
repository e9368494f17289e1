"""From the seams to a `Report`: joins what the stages handed over, and lists everything that is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit import __version__
from edgekit.recipe.schema import TaskName
from edgekit.report.convert import (
    artifact_record,
    baseline_record,
    environment_record,
    interval_record,
    model_record,
    point_record,
    timing_record,
)
from edgekit.report.document import (
    ArtifactRecord,
    BaselinesRecord,
    DataRecord,
    KitRecord,
    NotMeasured,
    RecipeRecord,
    Report,
    SourceRecord,
    SplitRecord,
    StageRecord,
    TimingRecord,
    TokenLengths,
)
from edgekit.report.results import NOT_ASKED, ArtifactResult, BaselineResult, ModelResult
from edgekit.types import Interval, Source, Splits, Timing


def build_report(
    *,
    name: str,
    folder: Path,
    description: str = "",
    recipe_yaml: str = "",
    recipe_fingerprint: str = "",
    command: str = "",
    created: str | None = None,
    task: TaskName = "text-classification",
    labels: Sequence[str] = (),
    metric: str | None = None,
    data: DataRecord | None = None,
    sources: Mapping[str, Source] | None = None,
    teacher: ModelResult | None = None,
    student: ModelResult | None = None,
    retained: Interval | None = None,
    label_only: BaselineResult = NOT_ASKED,
    tfidf: BaselineResult = NOT_ASKED,
    gain_over_label_only: Interval | None = None,
    artifacts: Sequence[ArtifactResult] = (),
    speedup_reference: str | None = None,
    other_timings: Sequence[Timing] = (),
    kits: Sequence[KitRecord] = (),
    stages: Sequence[StageRecord] = (),
    environment: Mapping[str, Any] | None = None,
    not_measured: Sequence[NotMeasured] = (),
) -> Report:
    """Joins what a run recorded. Whatever a partial run lacks is left out.

    Args:
        folder: where the report will lie; artifact paths are written relative to it.
        sources: role ("teacher", "data") → where its bytes came from.
        retained: share of the teacher's score that the student keeps, 0–1, paired.
        gain_over_label_only: paired difference in points (hundredths).
        speedup_reference: name of the benchmark row that every `Timing.speedup` is against.
        other_timings: benchmark rows that are no artifact, such as a PyTorch model.
        not_measured: what is missing beyond what the arguments show by themselves; rows that were not
            executed or not timed, and baselines that were switched off, are added here.
    """
    curves = {
        "teacher": teacher.trained if teacher else None,
        "student": student.trained if student else None,
        "label_only": label_only.trained,
    }
    baselines = BaselinesRecord(label_only=baseline_record(label_only), tfidf=baseline_record(tfidf))
    rows = tuple(artifact_record(result, folder) for result in artifacts)
    others = tuple(timing_record(t) for t in other_timings)
    return Report(
        edgekit_version=__version__,
        created=created,
        command=command,
        recipe=RecipeRecord(
            name=name, description=description, fingerprint=recipe_fingerprint, yaml=recipe_yaml
        ),
        task=task,
        labels=tuple(labels),
        metric=metric,
        data=data,
        sources=tuple(
            SourceRecord(role=role, uri=s.uri, sha256=s.sha256, license=s.license)
            for role, s in (sources or {}).items()
        ),
        teacher=model_record(teacher),
        student=model_record(student),
        retained=interval_record(retained),
        baselines=baselines,
        gain_over_label_only=interval_record(gain_over_label_only),
        curves={
            key: tuple(point_record(p) for p in trained.curve)
            for key, trained in curves.items()
            if trained is not None and trained.curve
        },
        artifacts=rows,
        speedup_reference=speedup_reference,
        other_timings=others,
        kits=tuple(kits),
        stages=tuple(stages),
        environment=environment_record(environment or {}),
        not_measured=tuple(_gaps(not_measured, baselines, rows, others)),
    )


def describe_data(splits: Splits, *, token_lengths: TokenLengths | None = None) -> DataRecord:
    """The record of a labelled set: rows by split and class, and what was left out."""
    parts = {
        "train": splits.train,
        "validation": splits.validation,
        "test": splits.test,
        "calibration": splits.calibration,
        "unlabelled": splits.unlabelled,
    }
    records = []
    for name, split in parts.items():
        if not len(split):
            continue
        # One class a row, or several labels, or one tag a word.
        named = split.labels if splits.label_names else ()
        counts = Counter(i for label in named for i in (label if isinstance(label, tuple) else (label,)))
        classes = {label: counts[i] for i, label in enumerate(splits.label_names)} if counts else {}
        records.append(SplitRecord(name=name, rows=len(split), classes=classes))
    return DataRecord(
        fingerprint=splits.fingerprint,
        splits=tuple(records),
        dropped=dict(splits.dropped),
        token_lengths=token_lengths,
    )


def _gaps(
    given: Iterable[NotMeasured],
    baselines: BaselinesRecord,
    artifacts: Iterable[ArtifactRecord],
    others: Iterable[TimingRecord],
) -> list[NotMeasured]:
    gaps = list(given)
    for name, baseline in (("label-only", baselines.label_only), ("TF-IDF", baselines.tfidf)):
        if baseline.score is None and baseline.not_measured != NOT_ASKED.not_measured:
            gaps.append(NotMeasured(what=f"The {name} baseline", why=baseline.not_measured))
    for row in artifacts:
        if row.parity is not None and not row.parity.executed:
            why = row.parity.runtime or "No runtime for it on this machine."
            gaps.append(NotMeasured(what=f"Numbers, labels and score of {row.name}", why=why))
    timings = [row.timing for row in artifacts if row.timing is not None]
    for timing in [*timings, *others]:
        if timing.not_measured:
            gaps.append(NotMeasured(what=f"Timing of {timing.name}", why=timing.not_measured))
    return list(dict.fromkeys(gaps))
