"""Language models side by side: what opening, reading, decoding and small weights cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.errors import DataError, ExportError, ModelError
from edgekit.files import PACKAGES, size_bytes
from edgekit.llm_timing import LlmBench, LlmSettings, LlmTiming
from edgekit.quiet import hush

if TYPE_CHECKING:
    from edgekit.benchmark.llm_quality import Quality
    from edgekit.stages.context import Context
    from edgekit.stages.decoder_artifacts import BuiltDecoder


def bench_llm(
    models: Sequence[Path | str],
    *,
    prompts: Sequence[int] = (128, 512),
    tokens: int = 128,
    depth: int = 0,
    repeats: int = 5,
    threads: int = 1,
    seed: int = 0,
    against: Path | str | None = None,
    texts: Sequence[str] = (),
) -> LlmBench:
    """Measures decoders in one process, interleaved; on a Mac, packages once by each compute unit.

    Args:
        models: folders, `.gguf` files, ONNX folders, `.mlpackage`s.
        prompts: tokens of each prompt that is read from empty caches.
        tokens: decoded one after another.
        depth: tokens in the caches before the first of them.
        repeats: timed turns of each model, after a warm-up.
        seed: of the tokens and of the order of turns.
        against: a teacher with the same tokenizer, for KL.
        texts: for perplexity and KL; 512 tokens of each are read, 4,096 of all.

    Returns:
        A row per model and compute unit. A package that can't be timed here has a row that says so.

    Raises:
        ModelError: not a decoder, damaged, or of another tokenizer than the teacher.
        DataError: a prompt or depth that a context doesn't hold, or a teacher without texts.
        ExportError: not one of them can be timed here.
    """
    from edgekit.benchmark.environment import record_environment
    from edgekit.benchmark.llm import figure, run_llm
    from edgekit.benchmark.llm_bandwidth import Bandwidth
    from edgekit.benchmark.llm_contestant import enter
    from edgekit.benchmark.llm_worker import measure_opening

    hush()
    chosen = LlmSettings(tuple(prompts), tokens, depth, repeats, threads, seed)
    paths = [Path(model) for model in models]
    if against is not None and not texts:
        raise DataError("A teacher is compared on texts, and there are none.", remedy="Add --data FILE.")
    for path in [*paths, *([Path(against)] if against is not None else [])]:
        if not path.exists():
            raise ModelError(f"{path} does not exist.", remedy="Check the path.")
    if len(set(paths)) < len(paths):
        raise DataError("A model is given twice.", remedy="Name each once.")
    environment = record_environment(chosen.threads)  # the load before our own
    entries = [(path, unit) for path in paths for unit in _units(path)]
    timed = [(path, unit) for path, unit in entries if unit != _NOWHERE]
    if not timed:
        raise ExportError(
            f"{paths[0].name} can't be timed here: {_REASONS[paths[0].suffix]}",
            remedy="Run the same command on a Mac.",
        )
    qualities = _qualities([p for p, _ in timed], texts, against, threads=chosen.threads)
    opened = {
        (path, unit): enter(_name(path, unit), path, threads=chosen.threads, compute_units=unit)
        for path, unit in timed
    }
    bandwidth = Bandwidth(chosen.threads)
    rows = dict(zip(opened, run_llm(list(opened.values()), chosen, bandwidth), strict=True))
    opened.clear()
    for path, unit in timed:
        progress.say(f"{_name(path, unit)}: load time and memory …")
        opening = measure_opening(
            path,
            threads=chosen.threads,
            prompt=max(chosen.prompts),
            tokens=min(chosen.tokens, 16),
            loads=chosen.repeats,
            compute_units=unit,
        )
        quality = qualities.get(path)
        rows[path, unit] = replace(
            rows[path, unit],
            load_ms=figure([1e3 * seconds for seconds in opening.load_seconds]),
            peak_bytes=opening.peak_bytes,
            perplexity=quality.perplexity if quality else None,
            kl=quality.kl if quality else None,
            top1=quality.top1 if quality else None,
            scored_tokens=quality.tokens if quality else None,
        )
    for path, unit in entries:
        if unit == _NOWHERE:
            rows[path, unit] = LlmTiming(
                str(path), "none", size_bytes(path), not_measured=_REASONS[path.suffix]
            )
    ordered = tuple(rows[entry] for entry in entries)
    return LlmBench(ordered, chosen, bandwidth.best, environment)


def measure_exports(context: Context, built: Sequence[BuiltDecoder]) -> LlmBench | None:
    """The benchmark stage of a decoder's run: its exported files side by side, under their names.

    Of the usual prompts those are read that every file's context holds, else half of the shortest context.

    Args:
        built: the student's artifacts; rejected ones are left out.

    Returns:
        None: it is switched off, or not one of them can be timed here.
    """
    from edgekit.benchmark.environment import record_environment
    from edgekit.codec import from_json

    recipe = context.recipe
    shipped = [b.artifact for b in built if recipe.gates.keep_rejected or not b.rejected_because]
    if not recipe.benchmark.enabled or not any(_units(one.path) != (_NOWHERE,) for one in shipped):
        return None
    names = {str(one.path): one.name for one in shipped}
    usual = LlmSettings()
    least = min(one.signature.max_length or 2 for one in shipped)
    asked: dict[str, Any] = {
        "prompts": [n for n in usual.prompts if n < least] or [max(least // 2, 1)],
        "tokens": min(usual.tokens, max(least // 2, 1)),
        "threads": recipe.benchmark.threads,
        "seed": recipe.seed,
    }
    machine = record_environment(recipe.benchmark.threads)
    found = context.store.run(
        "benchmark",
        inputs={
            "artifacts": [[one.name, one.sha256] for one in shipped],
            "settings": asked,
            # Times belong to a machine: on another one they are measured again.
            "machine": [machine["cpu"], machine["versions"]],
        },
        make=lambda key: bench_llm([one.path for one in shipped], **asked),
        title="Benchmark",
    )
    bench = from_json(LlmBench, found)
    rows = [
        replace(
            row, model=names[row.model.removesuffix(f" {row.compute_units}" if row.compute_units else "")]
        )
        for row in bench.rows
    ]
    return replace(bench, rows=tuple(rows))


_NOWHERE = "nowhere"  # in the place of a compute unit
_REASONS = {
    ".mlpackage": "Apple's Core ML runtime exists on macOS only; reference semantics say nothing of speed.",
    ".aimodel": "Core AI's runtime off a device says nothing of a device's speed; time it in an app.",
}


def _units(path: Path) -> tuple[str | None, ...]:
    """The compute units that a model is measured by."""
    from edgekit.runtimes.coreml_native import COMPUTE_UNITS, available

    if path.suffix == ".aimodel":
        return (_NOWHERE,)
    if path.suffix != ".mlpackage":
        return (None,)
    return COMPUTE_UNITS if available() else (_NOWHERE,)


def _name(path: Path, unit: str | None) -> str:
    return f"{path} {unit}" if unit else str(path)


def _qualities(
    paths: Sequence[Path], texts: Sequence[str], against: Path | str | None, *, threads: int
) -> dict[Path, Quality]:
    """Each model's, one model in memory at a time beside the teacher; packages by reference are left out."""
    from edgekit.benchmark.llm_quality import measure_quality
    from edgekit.runtimes.decoder import open_decoder

    if not texts:
        return {}
    teacher = open_decoder(Path(against), threads=threads) if against is not None else None
    found = {}
    with progress.bar("Perplexity", len(paths), "models") as bar:
        for path in paths:
            if path.suffix not in PACKAGES and path not in found:
                own = open_decoder(path, threads=threads)
                found[path] = measure_quality(own, texts, name=str(path), teacher=teacher)
            bar.advance()
    return found
