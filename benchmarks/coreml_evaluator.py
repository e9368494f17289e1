"""The Core ML evaluator beside PyTorch: time of a prediction, and memory of a loaded and executed package.

Limit: it computes what PyTorch eager computes, by the same kernels, and rounds every result to half precision
besides. So it can't be faster than eager by more than fused masks and folded constants give; the target is 3
times eager's time. Weights are held in single precision, as eager holds them; the target for the peak is 1.5
times that. It says nothing of any device: this is reference semantics.

Contestants take turns within each round, in random order, and each is called once untimed before its turn:
on a shared machine a neighbour then slows all of them. Wall time is the median with the 10th and 90th
percentile; CPU time (of all threads) is what remains comparable when others use the cores. Peaks are those
of a process of their own that loads and executes one package once, less what its imports had taken before.

Run: python benchmarks/coreml_evaluator.py [--rounds N] [--models MiniLM ...] [--write]
`--write` puts the tables into docs/coreml-evaluator.md. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.quiet import hush, quiet
from edgekit.threads import share_cores

LENGTH = 64
WARMUP = 10
RECIPES = {"MiniLM": "movie-reviews", "MPNet": "mpnet-reviews"}
PRECISIONS = ("fp16", "int8", "4-bit")
PAGE = Path("docs/coreml-evaluator.md")
MARK = "<!-- Below: written by benchmarks/coreml_evaluator.py --write -->\n"


def eager(name: str) -> Any:
    """The encoder as fetched, in evaluation mode."""
    from transformers import AutoModel

    from edgekit.assets.fetch import fetch
    from edgekit.recipe.load import load_recipe

    source = fetch(load_recipe(RECIPES[name]).teacher.model, kind="model")
    with quiet():
        return AutoModel.from_pretrained(source.path).eval()


def packages(model: Any, exported: Any, folder: Path) -> dict[str, Path]:
    """The encoder at one length as half precision, int8 per channel and 4-bit look-up tables."""
    import coremltools as ct
    import coremltools.optimize.coreml as cto
    import torch

    names = ["input_ids", "attention_mask"] + ["token_type_ids"] * (model.config.model_type == "bert")
    example = tuple(torch.ones((1, LENGTH), dtype=torch.int32) for _ in names)
    inputs = [ct.TensorType(name, (1, LENGTH), dtype=np.int32) for name in names]
    with quiet(), torch.no_grad():
        plain = ct.convert(
            torch.export.export(exported, example).run_decompositions({}),
            minimum_deployment_target=ct.target.iOS18,
            inputs=inputs,
            skip_model_load=True,
        )
        # Tables spaced evenly, not k-means: the same storage in a hundredth of the time.
        table = cto.OpPalettizerConfig(mode="uniform", nbits=4)
        made = {
            "fp16": plain,
            "int8": cto.linear_quantize_weights(
                plain, cto.OptimizationConfig(cto.OpLinearQuantizerConfig(mode="linear_symmetric"))
            ),
            "4-bit": cto.palettize_weights(plain, cto.OptimizationConfig(table)),
        }
        paths = {precision: folder / f"{precision}.mlpackage" for precision in PRECISIONS}
        for precision, package in made.items():
            package.save(str(paths[precision]))
    return paths


def rounds(contestants: dict[str, Callable[[], Any]], count: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of wall and CPU time, per contestant and round."""
    random = np.random.default_rng(0)
    times: dict[str, dict[str, list[float]]] = {name: {"wall": [], "cpu": []} for name in contestants}
    for turn in range(count + WARMUP):
        for name in random.permutation(list(contestants)):
            contestants[name]()
            cpu, wall = time.process_time(), time.perf_counter()
            contestants[name]()
            if turn >= WARMUP:
                times[name]["wall"].append(1e3 * (time.perf_counter() - wall))
                times[name]["cpu"].append(1e3 * (time.process_time() - cpu))
    return times


def speed(model: Any, exported: Any, path: Path, count: int) -> dict[str, Any]:
    """Threads → contestant → times."""
    import torch

    from edgekit import mil

    package = mil.load(path)
    ids = torch.randint(1000, 20000, (1, LENGTH), dtype=torch.int32)
    values = (ids, torch.ones_like(ids), torch.zeros_like(ids))
    feed = dict(zip(package.inputs, values, strict=False))

    def whole() -> Any:
        with torch.inference_mode():
            return model(**feed).last_hidden_state

    def converted() -> Any:
        with torch.inference_mode():
            return exported(*feed.values())

    contestants: dict[str, Callable[[], Any]] = {
        "PyTorch eager, transformers": whole,
        "PyTorch eager, the module that was converted": converted,
        "evaluator, declared rounding": lambda: package.predict(feed),
        "evaluator, unrounded": lambda: package.predict(feed, rounding="none"),
    }
    measured = {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        measured[str(threads)] = rounds(contestants, count)
    return measured


def memory(path: Path) -> dict[str, float]:
    """Peaks of a process that loads and executes this package, in bytes."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", str(path)], capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(path: Path) -> None:
    """What the process of `memory` does."""
    with quiet():
        import coremltools  # noqa: F401 - its own memory is not the package's
        import torch
        from coremltools.converters.mil.frontend.milproto import load  # noqa: F401

        from edgekit import mil
        from edgekit.benchmark.peak_worker import peak_resident_bytes
        from edgekit.mil.constants import is_constant
        from edgekit.mil.loading import load as open_package
    torch.set_num_threads(1)
    before = peak_resident_bytes()
    started = time.perf_counter()
    model: mil.Model = open_package(path)
    opened = time.perf_counter() - started
    loaded = peak_resident_bytes() - before
    used = {
        id(var): math.prod(var.shape)
        for op in model.program.operations
        if not op.op_type.startswith("constexpr_")
        for var in op.get_flattened_inputs()
        if is_constant(var)
    }
    model.predict({name: np.ones((1, LENGTH), np.int32) for name in model.inputs})
    peak = peak_resident_bytes() - before
    print(
        json.dumps({"loaded": loaded, "peak": peak, "dense": 4 * sum(used.values()), "load_seconds": opened})
    )


def spread(values: list[float]) -> str:
    low, high = np.percentile(values, [10, 90])
    return f"{statistics.median(values):.1f} [{low:.1f}, {high:.1f}]"


def speed_table(name: str, measured: dict[str, Any]) -> str:
    lines = [
        f"| {name} fp16, {LENGTH} tokens, batch 1 | threads | ms, median [10 %, 90 %] | CPU ms | × eager | "
        "× eager, CPU |",
        "| :-- | --: | --: | --: | --: | --: |",
    ]
    for threads, times in measured.items():
        base = next(iter(times.values()))
        for contestant, each in times.items():
            ratios = [statistics.median(each[k]) / statistics.median(base[k]) for k in ("wall", "cpu")]
            cells = [contestant, threads, spread(each["wall"]), f"{statistics.median(each['cpu']):.1f}"]
            lines.append(f"| {' | '.join(cells)} | {ratios[0]:.2f} | {ratios[1]:.2f} |")
    return "\n".join(lines)


def memory_table(measured: dict[str, dict[str, float]]) -> str:
    lines = [
        "| package | on disk, MB | weights as float32, MB | loaded, MB | peak, MB | peak ÷ float32 | "
        "peak ÷ float16 | load, s |",
        "| :-- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for name, row in measured.items():
        lines.append(
            f"| {name} | {row['disk'] / 1e6:.1f} | {row['dense'] / 1e6:.1f} | {row['loaded'] / 1e6:.1f} | "
            f"{row['peak'] / 1e6:.1f} | {row['peak'] / row['dense']:.2f} | "
            f"{2 * row['peak'] / row['dense']:.2f} | {row['load_seconds']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--models", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE}")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    hush()
    share_cores()
    if options.measure:
        measure(options.measure)
        return
    from edgekit.benchmark.environment import record_environment
    from edgekit.files import atomic, size_bytes
    from edgekit.models.families import export_module

    tables, sizes, figures = [], {}, {}
    for name in options.models:
        with tempfile.TemporaryDirectory() as folder:
            model = eager(name)
            exported = export_module(model, max_length=LENGTH, task="sentence-embedding")
            paths = packages(model, exported, Path(folder))
            for precision, path in paths.items():
                sizes[f"{name} {precision}"] = {**memory(path), "disk": size_bytes(path)}
            figures[name] = speed(model, exported, paths["fp16"], options.rounds)
            tables.append(speed_table(name, figures[name]))
    environment = record_environment(2)
    made = "\n\n".join([*tables, memory_table(sizes)])
    print(made)
    if options.write:
        text = PAGE.read_text(encoding="utf-8").split(MARK)[0]
        cpu, load = environment["cpu"], environment["load_average"][0]
        told = (
            f"`python benchmarks/coreml_evaluator.py --rounds {options.rounds}`, on {cpu['usable_cores']} "
            f"cores of {cpu['model']}, load average {load:.1f}.\n\n"
        )
        with atomic(PAGE) as temporary:
            temporary.write_text(text + MARK + "\n" + told + made + "\n", encoding="utf-8")
    medians = {
        name: {t: {c: statistics.median(v["wall"]) for c, v in each.items()} for t, each in by.items()}
        for name, by in figures.items()
    }
    print(json.dumps({"benchmark": "coreml_evaluator", "median_ms": medians, "memory_bytes": sizes}))


if __name__ == "__main__":
    main()
