"""The files of a trained student, timed and scored on the validation split; the test split is not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgekit.errors import DiskFull, EdgekitError
from edgekit.files import sha256_json
from edgekit.fit.bounds import Cost
from edgekit.fit.exact import FileCost, open_here, quietly
from edgekit.fit.times import TIMED_ROWS, batches_of, row_times
from edgekit.stages.artifacts import Built
from edgekit.stages.context import Context
from edgekit.tasks import get_task
from edgekit.types import Model, Trained


@dataclass(frozen=True, slots=True)
class Scored:
    """One file of a trained student."""

    precision: str
    size_bytes: int
    ms: float | None  # see `exact.FileCost`
    ms_high: float | None
    score: float | None  # on the validation split, 0–1; None: not executed
    retention: float | None
    rejected_because: str = ""  # by the recipe's gates

    @property
    def cost(self) -> Cost:
        return Cost(self.size_bytes, self.ms)


def score_files(
    context: Context,
    teacher: Trained,
    student: Trained,
    precisions: Sequence[str],
    *,
    weighed: Sequence[FileCost],
    teacher_score: float,
) -> tuple[Scored, ...]:
    """Exports and quantizes a trained student; scores each file on the validation rows, and times them.

    The gates are the recipe's, but for the pairwise timing.

    Args:
        weighed: the untrained files of this shape. A file takes the same time before and after training:
            where it takes longer now, the machine is busier, and all files' times are brought back by that
            ratio.
    """
    from edgekit.pipeline import workbench
    from edgekit.stages.artifacts import build_target
    from edgekit.stages.training import load_trained

    model = load_trained(context, student)
    rows, truth = context.judged("validation", model.processor)
    if get_task(context.recipe.task).metric == "cosine":
        truth = _answers(context, load_trained(context, teacher))
    built: dict[str, Built] = {}
    why: dict[str, str] = {}
    with quietly():
        bench = replace(
            workbench(context, student, teacher),
            rows=rows,
            labels=truth,
            rows_key=sha256_json([context.splits.fingerprint, context.max_length, "validation"]),
            gates=context.recipe.gates.model_copy(update={"not_slower": False}),
            logits=None,
        )
        for precision in precisions:
            wanted = context.recipe.exports[0].model_copy(update={"precisions": (precision,)})
            try:
                built |= {b.artifact.precision: b for b in build_target(bench, wanted)}
            except DiskFull:
                raise
            except EdgekitError as error:
                why[precision] = error.fact
        threads = context.recipe.benchmark.threads
        runners = {p: open_here(b.artifact, threads=threads) for p, b in built.items() if p in precisions}
        able = {p: runner for p, runner in runners.items() if runner is not None}
        batches = {
            p: batches_of(runner, rows[:TIMED_ROWS], pad_id=model.processor.pad_token_id)
            for p, runner in able.items()
        }
        timed = row_times(able, batches, cpu_time=threads == 1)
    before = {f.precision: f.ms for f in weighed if f.ms is not None}
    quieter = min([1.0, *(before[p] / timed[p][0] for p in before.keys() & timed.keys())])
    scored = []
    for precision in precisions:
        ms, high = timed.get(precision, (None, None))
        made = built.get(precision)
        score = made.parity.metric if made else None
        scored.append(
            Scored(
                precision=precision,
                size_bytes=made.artifact.size_bytes if made else 0,
                ms=ms * quieter if ms is not None else None,
                ms_high=high,
                score=score,
                retention=score / teacher_score if score is not None and teacher_score else None,
                rejected_because=made.rejected_because
                if made
                else why.get(precision, "its plain export was rejected"),
            )
        )
    return tuple(scored)


def _answers(context: Context, model: Model) -> Any:
    """What a model decides on each validation row."""
    from edgekit.runtimes.pytorch import PyTorchRunner
    from edgekit.scores import decide
    from edgekit.verify.outputs import run_rows

    return run_rows(
        PyTorchRunner(model.module.to("cpu"), model.signature, threads=1),
        context.judged("validation", model.processor)[0],
        pad_id=model.processor.pad_token_id,
        title=f"Score {model.name} on validation rows",
        keep=lambda output: decide(context.recipe.task, output),
    )


def validation_score(context: Context, teacher: Trained) -> float:
    """The teacher's own score on the validation split, in fp32, as its students' files are scored."""
    from edgekit.scores import combined, statistics
    from edgekit.stages.training import load_trained

    task = context.recipe.task
    if get_task(task).metric == "cosine":
        return 1.0  # its own embeddings are what students are compared with

    def make(key: str) -> float:
        model = load_trained(context, teacher)
        truth = context.judged("validation", model.processor)[1]
        answers = _answers(context, model)
        return float(combined(task, statistics(task, answers, truth, labels=context.splits.label_names)))

    score: float = context.store.run(
        "fit-teacher",
        inputs={"weights": teacher.sha256, "data": context.splits.fingerprint, "length": context.max_length},
        make=make,
        title="Score the teacher on validation rows",
    )
    return score
