"""The benchmark stage: teacher and students in one process, interleaved, over raw inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.batches import pad_rows
from edgekit.codec import from_json
from edgekit.files import size_bytes
from edgekit.recipe.schema import Benchmark
from edgekit.tasks import get_task
from edgekit.types import Artifact, Batch, BenchResult, Rows, Signature, Split, Timing, Trained

if TYPE_CHECKING:
    from edgekit.benchmark.contestant import Contestant
    from edgekit.stages.artifacts import Built
    from edgekit.stages.context import Context


@dataclass(frozen=True, slots=True)
class Entry:
    """One row to measure: an artifact, or a model folder that PyTorch runs."""

    name: str
    path: Path
    processor: Any  # tokenizer
    parameters: int | None
    size_bytes: int | None
    sha256: str | None
    artifact: Artifact | None  # None: a model folder


def entry_of(artifact: Artifact, processor: Any) -> Entry:
    """The benchmark row of an artifact."""
    return Entry(
        artifact.name,
        artifact.path,
        processor,
        artifact.parameters,
        artifact.size_bytes,
        artifact.sha256,
        artifact,
    )


def measure(
    entries: Sequence[Entry],
    inputs: Sequence[Any],
    labels: Sequence[Any],
    *,
    config: Benchmark,
    seed: int,
    reference: str,
) -> BenchResult:
    """Times and scores every entry that can run here; the others get a row that says why not.

    Args:
        inputs: raw texts or pairs.
        labels: as `Split` holds them; empty when there are none.
        reference: name of the entry that speed-ups and retained scores refer to.
    """
    from edgekit.benchmark.environment import record_environment
    from edgekit.benchmark.latency import run_protocol
    from edgekit.benchmark.unmeasured import not_measured_row
    from edgekit.runtimes.coreml_native import available

    environment = record_environment(config.threads)
    rows = config.rows or len(inputs)
    inputs, labels = inputs[:rows], labels[:rows]
    contestants: list[Contestant] = []
    absent: list[Timing] = []
    for entry in entries:
        if entry.artifact is not None and entry.artifact.target == "coreml" and not available():
            absent.append(
                not_measured_row(entry.artifact, "Core ML runs on macOS only; run `edgekit bench` there.")
            )
            continue
        if entry.artifact is not None and entry.artifact.target == "coreai":
            told = "Core AI's runtime off a Mac says nothing of a device's speed; time it in an app."
            absent.append(not_measured_row(entry.artifact, told))
            continue
        contestants.extend(_contestants(entry, Split(tuple(inputs), tuple(labels)), threads=config.threads))
    peak = _peaks(contestants, inputs, threads=config.threads)
    timed = run_protocol(
        contestants,
        inputs,
        () if contestants and contestants[0].truth is not None else labels,
        warmup=config.warmup,
        passes=config.passes,
        bootstrap=config.bootstrap,
        seed=seed,
        reference=reference,
        peak=peak,
    )
    return BenchResult((*timed, *absent), environment)


def benchmark(
    context: Context, teacher: Trained, student: Trained, built: Sequence[Built], reference: Built
) -> BenchResult:
    """The benchmark stage of a run: teacher and student, as PyTorch and as exported.

    Args:
        built: the student's artifacts; rejected ones are left out.
        reference: the teacher's own export, which everything is compared with.
    """
    from edgekit.benchmark.environment import record_environment
    from edgekit.stages.training import load_trained

    config = context.recipe.benchmark
    # A student may have a vocabulary of its own.
    processors = {one.name: load_trained(context, one).processor for one in (teacher, student)}
    entries = [entry_of(reference.artifact, processors[teacher.name])]
    for one in (teacher, student):
        size = size_bytes(one.path / "model.safetensors")
        own = processors[one.name]
        entries.append(Entry(f"{one.name}-pytorch", one.path, own, one.parameters, size, one.sha256, None))
    entries += [
        entry_of(b.artifact, processors[student.name])
        for b in built
        if context.recipe.gates.keep_rejected or not b.rejected_because
    ]
    machine = record_environment(config.threads)
    result = context.store.run(
        "benchmark",
        inputs={
            "entries": [[e.name, e.sha256] for e in entries],
            "data": context.splits.fingerprint,
            "config": config.model_dump(mode="json"),
            # Times belong to a machine: on another one they are measured again.
            "machine": [machine["cpu"], machine["versions"]],
        },
        make=lambda key: measure(
            entries,
            context.splits.test.inputs,
            context.splits.test.labels,
            config=config,
            seed=context.recipe.seed,
            reference=reference.artifact.name,
        ),
        title="Benchmark",
    )
    return from_json(BenchResult, result)


def _contestants(entry: Entry, split: Split, *, threads: int) -> list[Contestant]:
    """One contestant, or one per compute unit for Core ML on a Mac."""
    from edgekit.benchmark.contestant import Contestant
    from edgekit.runtimes import open_runner
    from edgekit.runtimes.coreml_native import COMPUTE_UNITS

    native = entry.artifact is not None and entry.artifact.target == "coreml"
    units: Sequence[str | None] = COMPUTE_UNITS if native else (None,)
    found = []
    for unit in units:
        runner = open_runner(entry.path, threads=threads, compute_units=unit)
        found.append(
            Contestant(
                name=f"{entry.name} {unit}" if unit else entry.name,
                runner=runner,
                encode=encoder(entry.processor, runner.signature, judged=True),
                path=entry.path,
                parameters=entry.parameters,
                size_bytes=entry.size_bytes,
                sha256=entry.sha256,
                compute_units=unit,
                truth=_own_truth(entry.processor, runner.signature, split),
            )
        )
    return found


def _own_truth(processor: Any, signature: Signature, split: Split) -> Sequence[Any] | None:
    """Truths that sit on a contestant's own tokens; None where the labels themselves are the truth."""
    if not get_task(signature.task).per_token:
        return None
    from edgekit.data.judged import judged_rows

    return judged_rows(signature.task, processor, split, _limit(processor, signature))[1]


def _limit(processor: Any, signature: Signature) -> int:
    return signature.max_length or int(processor.model_max_length)


def encoder(processor: Any, signature: Signature, *, judged: bool = False) -> Callable[[Any], Batch]:
    """Tokenisation of one raw input into a batch of 1.

    Args:
        judged: whether a masked-lm's input gets the masks that it is judged by.
    """
    from edgekit.data.masking import masked_rows
    from edgekit.data.tokens import tokenise

    limit = _limit(processor, signature)
    hide = judged and get_task(signature.task).metric == "masked_accuracy"

    def encode(value: Any) -> Batch:
        rows: Rows = tokenise(processor, [value], limit)
        if hide:
            rows = masked_rows(rows, processor)[0]
        return pad_rows(rows, signature, pad_id=processor.pad_token_id)

    return encode


def _peaks(
    contestants: Sequence[Contestant], inputs: Sequence[Any], *, threads: int
) -> dict[str, int | None]:
    from edgekit.benchmark.peak import peak_memory

    found: dict[str, int | None] = {}
    with progress.bar("Peak memory, one process each", len(contestants), "rows") as bar:
        for one in contestants:
            batches = [one.encode(value) for value in inputs]
            found[one.name] = (
                peak_memory(one.path, batches, threads=threads, compute_units=one.compute_units)
                if one.path
                else None
            )
            bar.advance()
    return found
