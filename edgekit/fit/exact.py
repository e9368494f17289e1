"""What a student weighs and takes, before any training: neither depends on what its weights say.

First arithmetic, which is at hand at once and only ever too low; then the untrained student itself, exported
and quantized by the ordinary stages and timed. What was found is kept by shape.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import __version__, progress
from edgekit.codec import from_json, to_json
from edgekit.errors import EdgekitError
from edgekit.files import read_json, sha256_json, write_json
from edgekit.fit.bounds import Bounds, Cost
from edgekit.fit.times import ROUNDS, TIMED_ROWS, Yardstick, batches_of, row_times
from edgekit.recipe.schema import Export, Gates, Recipe, Student
from edgekit.recipe.schema.precisions import COMPRESSED, ONNX_SCHEMES, SCHEMES
from edgekit.stages.context import Context
from edgekit.types import Artifact, Model, Rows

if TYPE_CHECKING:
    from edgekit.runtimes.runner import Runner
    from edgekit.stages.artifacts import Built, Workbench

KEPT = "base.json"  # beside the base model's file
ALIKE = 1.05  # costs up to this ratio are not told apart
_CHECKED_ROWS = 2  # of an untrained file, which the stages compare with its module all the same
# An untrained student's answers mean nothing, and neither does what rounding does to them.
_OPEN_GATES = Gates(
    metric_drop_int8=100,
    metric_drop_float=100,
    max_abs_error_fp32=1e9,
    cosine_int8=0,
    metric_drop=dict.fromkeys(COMPRESSED, 100.0),
    cosine=dict.fromkeys(COMPRESSED, 0.0),
    not_slower=False,
)


@dataclass(frozen=True, slots=True)
class FileCost:
    """One precision of one shape.

    `ms` is the median over rows of each row's fastest round, as a busy machine only ever adds time; `ms_high`
    the median row of the slowest round.
    """

    precision: str
    size_bytes: int
    ms: float | None
    ms_high: float | None
    error: str = ""  # why there is no such file; sizes are then 0

    @property
    def cost(self) -> Cost:
        return Cost(self.size_bytes, self.ms)


@dataclass(frozen=True, slots=True)
class Shape:
    """An untrained student."""

    parameters: int
    files: tuple[FileCost, ...]

    def inside(self, bounds: Bounds) -> tuple[FileCost, ...]:
        """The files that break no bound."""
        return tuple(f for f in self.files if not f.error and not bounds.broken_by(f.cost))


def least_bytes(student: Student, config: Any, *, tokens: int, precisions: Sequence[str]) -> int:
    """Bytes that no file of this student can be below: its matrices at the fewest bits; 0 where unknown.

    Args:
        config: of the base, transformers'.
        tokens: different ones that the texts use.
    """
    from edgekit.models.students.narrow import LAYOUTS

    layout = LAYOUTS.get(config.model_type)
    if layout is None or student.model is not None or student.architecture != "teacher":
        return 0
    head = config.hidden_size // config.num_attention_heads
    width = student.hidden_size or (student.heads or config.num_attention_heads) * head
    units = student.intermediate_size or getattr(config, layout.intermediate)
    kept = config.vocab_size
    if student.vocabulary is not None:
        kept = min(student.vocabulary.size or tokens, tokens)
    rank = min(student.embedding_rank or width, width)
    weights = kept * min(rank, getattr(config, "embedding_size", width))
    weights += student.layers * (4 * width * width + 2 * width * units)
    return int(weights * min(map(_fewest_bits, precisions)) / 8)


def _fewest_bits(precision: str) -> float:
    """Bits that no stored weight of a precision is below."""
    if precision in ("fp32", "fp16"):
        return float(precision[2:])
    bits: list[float] = []
    if (scheme := SCHEMES.get(precision)) is not None:
        bits += [scheme.bits, scheme.bits_per_weight]
    if (onnx := ONNX_SCHEMES.get(precision)) is not None:
        table = ONNX_SCHEMES.get(onnx.table, onnx)
        bits += [onnx.bits, onnx.bits_per_weight, table.bits]
    return min(bits)


@dataclass
class Scale:
    """Weighs and times untrained students of one run."""

    context: Context  # of the recipe itself
    export: Export  # target and settings; its precisions are those tried
    folder: Path  # keeps what was found
    scouts: tuple[str, ...] = ()  # precisions that stand for all, see `frontier_of`; empty: each for itself
    yardstick: Yardstick | None = None  # timed beside each shape; None: times are as they come

    @property
    def threads(self) -> int:
        return self.context.recipe.benchmark.threads

    def weigh(self, recipe: Recipe) -> Shape:
        """The files that a recipe's student makes, of the scouts if there are any. Kept on disk.

        Raises:
            EdgekitError: the student can't be cut so.
        """
        from filelock import FileLock

        key = self._key(recipe)
        path = self.folder / f"{key}.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f".{key}.lock"):
            if path.is_file():
                return from_json(Shape, read_json(path))
            work = self.folder / f"{key}.work"
            shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
            try:
                shape = self._made(recipe, key, work)
            finally:
                shutil.rmtree(work, ignore_errors=True)
            write_json(path, to_json(shape))
            return shape

    def untrained(self, recipe: Recipe) -> Model:
        """The student of a recipe, cut from the model as it was fetched; no two of its weights are alike."""
        from edgekit.models.student import make_student
        from edgekit.stages.steps import STUDENT
        from edgekit.stages.training import load_fetched

        parent = load_fetched(self.context, STUDENT) if recipe.student.model else self.context.base
        rows = self.context.rows_for(parent.processor)
        model = make_student(parent, recipe.student, name=STUDENT, rows=rows, seed=recipe.seed)
        _roughen(model.module)
        return model

    def _key(self, recipe: Recipe) -> str:
        from edgekit.benchmark.cpu import read_cpu

        context = self.context
        told = {
            "version": __version__,
            "student": recipe.student.model_dump(mode="json", exclude={"select"}),
            "base": {name: source.sha256 for name, source in context.sources.items()},
            "texts": [context.splits.fingerprint, context.transfer_key],
            "length": context.max_length,
            "export": self.export.model_dump(mode="json"),
            "scouts": self.scouts,
            "threads": self.threads,
            "yardstick": self.yardstick.cost.ms if self.yardstick else None,
            "timing": [TIMED_ROWS, ROUNDS],
            "machine": to_json(read_cpu()),
        }
        return sha256_json(told)[:16]

    def _made(self, recipe: Recipe, key: str, work: Path) -> Shape:
        model = self.untrained(recipe)
        rows = list(self.context.judged("validation", model.processor)[0][:TIMED_ROWS])
        bench = self._bench(recipe, model, rows, key, work)
        found: list[FileCost] = []
        runners: dict[str, Runner] = {}
        precisions = self.scouts or self.export.precisions
        with progress.bar("Weigh an untrained student", len(precisions), "files") as bar, quietly():
            for precision in precisions:
                try:
                    artifact = _artifact(bench, self.export, precision)
                    runner = open_here(artifact, threads=self.threads)
                except EdgekitError as error:
                    found.append(FileCost(precision, 0, None, None, error=error.fact))
                else:
                    found.append(FileCost(precision, artifact.size_bytes, None, None))
                    if runner is not None:
                        runners[precision] = runner
                bar.advance()
        timed = self.times(runners, rows, pad_id=model.processor.pad_token_id)
        files = []
        for one in found:
            ms, high = timed.get(one.precision, (None, None))
            files.append(replace(one, ms=ms, ms_high=high))
        return Shape(model.parameters, tuple(files))

    def base_file(self, recipe: Recipe) -> Yardstick:
        """The file of an uncut student, kept beside the shapes for as long as they count."""
        from filelock import FileLock

        key = self._key(recipe)
        work = self.folder / f"{key}.base"
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f".{key}.lock"):
            if not (work / KEPT).is_file():
                shutil.rmtree(work, ignore_errors=True)
                model = self.untrained(recipe)
                rows = list(self.context.judged("validation", model.processor)[0][:TIMED_ROWS])
                bench = self._bench(recipe, model, rows, key, work)
                with quietly():
                    artifact = _artifact(bench, self.export, self.export.precisions[0])
                    runner = open_here(artifact, threads=self.threads)
                able = {KEPT: runner} if runner else {}
                timed = self.times(able, rows, pad_id=model.processor.pad_token_id)
                cost = Cost(artifact.size_bytes, timed[KEPT][0] if timed else None)
                file = artifact.path.relative_to(work).as_posix()
                write_json(work / KEPT, {"file": file, "cost": to_json(cost)})
            told = read_json(work / KEPT)
            return Yardstick(work / told["file"], from_json(Cost, told["cost"]))

    def times(
        self, runners: Mapping[str, Runner], rows: Rows, *, pad_id: int
    ) -> dict[str, tuple[float, float]]:
        """`row_times` of files that read `rows`, as they would be when the yardstick was measured."""
        batches = {name: batches_of(runner, rows, pad_id=pad_id) for name, runner in runners.items()}
        if self.yardstick is None:
            return row_times(runners, batches, cpu_time=self.threads == 1)
        own = self.context.judged("validation", self.context.processor)[0]
        return self.yardstick.times(
            runners, batches, own, pad_id=self.context.processor.pad_token_id, threads=self.threads
        )

    def _bench(self, recipe: Recipe, model: Model, rows: Rows, key: str, work: Path) -> Workbench:
        from edgekit.stages.artifacts import Workbench
        from edgekit.stages.store import Store

        context = self.context
        calibration = context.judged("validation", model.processor)[0]
        provenance = {**context.provenance(model=model.name, weights_sha256="0" * 64), "recipe": recipe.name}
        return Workbench(
            store=Store(work),
            load=lambda: model,
            name=model.name,
            sha256=key,
            folder=work,
            rows=rows[:_CHECKED_ROWS],
            labels=(),
            rows_key=key,
            gates=_OPEN_GATES,
            provenance=provenance,
            threads=self.threads,
            calibration=lambda: calibration[: context.recipe.data.calibration_rows],
        )


def frontier_of(files: Sequence[FileCost]) -> tuple[str, ...]:
    """The precisions that no other beats in both size and time, by more than what is told apart.

    How precisions compare hardly depends on the shape. So these, weighed for each shape, tell whether any
    file of it can fit; the others are made of trained students alone.
    """
    made = [f for f in files if not f.error]
    kept: list[FileCost] = []
    for one in sorted(made, key=lambda f: (f.ms or 0.0, f.size_bytes)):
        if not any(
            k.size_bytes <= one.size_bytes * ALIKE and (k.ms or 0.0) <= (one.ms or 0.0) * ALIKE for k in kept
        ):
            kept.append(one)
    return tuple(f.precision for f in kept)


def open_here(artifact: Artifact, *, threads: int) -> Runner | None:
    """What runs a file at the speed of its own format; None for Core ML off a Mac."""
    from edgekit.runtimes import open_runner

    return open_runner(artifact.path, threads=threads) if runs_here(artifact.target) else None


def _roughen(module: Any) -> None:
    """Moves every weight a little. Biases that are all zero before training would be written once for many,
    and the file would be smaller than the trained student's.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(1e-3 * torch.randn(weight.shape, generator=generator))


def runs_here(target: str) -> bool:
    """Whether files of a target can be timed on this machine."""
    from edgekit.runtimes.coreml_native import available

    return target != "coreml" or available()


def _artifact(bench: Workbench, export: Export, precision: str) -> Artifact:
    from edgekit.stages.artifacts import build_target

    built: list[Built] = build_target(bench, export.model_copy(update={"precisions": (precision,)}))
    made = {one.artifact.precision: one.artifact for one in built}
    return made[precision]


@contextmanager
def quietly() -> Iterator[None]:
    """Steps inside are not told to the listener: an untrained file is nobody's result."""
    listener = progress._listener
    progress.listen(progress.Silent())
    try:
        yield
    finally:
        progress.listen(listener)
