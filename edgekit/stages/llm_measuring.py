"""Language models side by side: what opening, reading, decoding and small weights cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.errors import DataError, ExportError, ModelError
from edgekit.files import PACKAGES, size_bytes
from edgekit.quiet import hush

if TYPE_CHECKING:
    from edgekit.benchmark.llm import LlmSettings, LlmTiming
    from edgekit.benchmark.llm_quality import Quality


@dataclass(frozen=True, slots=True)
class LlmBench:
    """Rows, and what they were measured on and with."""

    rows: tuple[LlmTiming, ...]
    settings: LlmSettings
    bandwidth_bytes_per_s: float  # reading, with the same number of threads, in the same run
    environment: Mapping[str, Any]


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
    from edgekit.benchmark.llm import LlmSettings, LlmTiming, figure, run_llm
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
            f"{paths[0].name} can't be timed here: {_REASON}", remedy="Run the same command on a Mac."
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
            rows[path, unit] = LlmTiming(str(path), "none", size_bytes(path), not_measured=_REASON)
    ordered = tuple(rows[entry] for entry in entries)
    return LlmBench(ordered, chosen, bandwidth.best, environment)


_NOWHERE = "nowhere"  # in the place of a compute unit
_REASON = "Apple's runtimes are fast on its own machines only; elsewhere a package is executed to compare it."


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
