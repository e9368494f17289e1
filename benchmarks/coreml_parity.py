"""Core ML packages, executed off a Mac by reference semantics, against the PyTorch models they came from.

Limit: reference semantics is what MIL's documentation says each operation computes, rounded after every
operation to the type that the program declares. A device fuses and reorders, so its last digits differ. One
rounding to half precision moves a value by up to 2⁻¹¹ of itself, so a probability near 1 by up to 5e-4.
Unrounded ("none") the same program shows what conversion and compression alone have changed.

Classifiers read movie reviews, joined and cut to exactly 8, 16, 32, 64 and 128 tokens; the conv net sees
crops of scikit-learn's two photographs; the decoder reads reviews, a prompt at once and then token by token.
Weights are those of the recipes; give `--teacher FOLDER` (repeatable) for a fine-tuned classifier of the same
architecture, else its head is random and the table says so.

Run: python benchmarks/coreml_parity.py [--rows N] [--teacher FOLDER ...] [--only PART] [--write]

Every row of the table is kept below exported/coreml-parity/ as it comes, so that a run can be stopped and
goes on where it was; `--write` puts all that is there into docs/coreml-parity.md. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from coreml_parity_models import ARCHITECTURES, LENGTHS, RECIPES, Classifier, ConvNet, Language

from edgekit.files import size_bytes, write_json
from edgekit.quiet import hush

RESULTS = Path("exported/coreml-parity")
PAGE = Path("docs/coreml-parity.md")
PRECISIONS = ("fp32", "fp16", "int8", "6-bit palette", "4-bit palette", "int4 per block")
ROUNDINGS = ("declared", "none")


@dataclass(frozen=True, slots=True)
class Case:
    """One package of the table."""

    model: str
    precision: str
    shapes: str

    @property
    def file(self) -> Path:
        return RESULTS / f"{self.model} {self.precision} {self.shapes}.json".replace(" ", "-").lower()


def cases() -> Iterator[Case]:
    """Every row, those of one package beside one another.

    A compressed weight is the same in every shape, so of the larger classifier the palettes and int4 are made
    in one shape only.
    """
    for model in RECIPES:
        for shapes in ("range", "fixed", "enumerated"):
            for precision in PRECISIONS:
                if model == "MiniLM" or shapes == "range" or precision in PRECISIONS[:3]:
                    yield Case(model, precision, shapes)
    for precision in PRECISIONS[:-1]:  # a depthwise kernel has no block of 32
        yield Case("EfficientNet-Lite0", precision, "fixed")
    for precision in ("fp16", "int8", "int4 per block"):
        yield Case("SmolLM2-135M", precision, "two ranges")


def measure(case: Case, maker: Any, settings: str) -> dict[str, Any]:
    """Exports, compresses and executes one package; keeps what it found."""
    started = time.process_time()
    with tempfile.TemporaryDirectory(prefix="edgekit-parity-") as scratch:
        path = Path(scratch) / "model.mlpackage"
        weights = maker.package(path, case.precision, case.shapes)
        found: dict[str, Any] = {"megabytes": size_bytes(path) / 1e6, "weights": weights}
        for rounding in ROUNDINGS:
            found[rounding] = maker.compare(path, rounding).summary()
    found["tokens_per_second"] = dict(getattr(maker, "speed", {}))
    found |= {"settings": settings, "cpu_seconds": time.process_time() - started}
    write_json(case.file, found)
    return found


def table(results: Mapping[Case, Mapping[str, Any]]) -> str:
    """Two Markdown tables: everything, and the error by length."""
    head = "| model | weights | precision | shapes | MB | " + " | ".join(
        f"{rounding}: max error | cosine | same label" for rounding in ROUNDINGS
    )
    lines = [head + " |", "|:---|:---|:---|:---|" + "---:|" * 7]
    for case, found in results.items():
        parts = [case.model, found["weights"], case.precision, case.shapes, f"{found['megabytes']:.1f}"]
        for rounding in ROUNDINGS:
            told = found[rounding]
            parts += [f"{told['error']:.1e}", f"{told['cosine']:.6f}", f"{100 * told['agreement']:.1f} %"]
        lines.append("| " + " | ".join(parts) + " |")
    return "\n".join(lines)


def by_length(results: Mapping[Case, Mapping[str, Any]]) -> str:
    """The largest error at each length, rounded as declared."""
    chosen = {c: r for c, r in results.items() if c.model in RECIPES}
    lines = [
        "| model | precision | shapes | " + " | ".join(f"{n} tokens" for n in LENGTHS) + " |",
        "|:---|:---|:---|" + "---:|" * len(LENGTHS),
    ]
    for case, found in chosen.items():
        errors = [f"{found['declared']['errors'][str(n)]:.1e}" for n in LENGTHS]
        lines.append(f"| {case.model} | {case.precision} | {case.shapes} | " + " | ".join(errors) + " |")
    return "\n".join(lines)


def speeds(results: Mapping[Case, Mapping[str, Any]]) -> str:
    told = {c.precision: r["tokens_per_second"] for c, r in results.items() if r["tokens_per_second"]}
    return "\n".join(
        f"- SmolLM2-135M, {precision}: {speed['declared']:.1f} tokens/s rounded as declared, "
        f"{speed['none']:.1f} unrounded"
        for precision, speed in told.items()
    )


def saved() -> dict[Case, dict[str, Any]]:
    return {c: json.loads(c.file.read_text()) for c in cases() if c.file.is_file()}


def write_page(results: Mapping[Case, Mapping[str, Any]]) -> None:
    """Puts the tables between the page's markers; its words are written by hand."""
    page = PAGE.read_text(encoding="utf-8")
    versions = ", ".join(
        f"{p} {importlib.metadata.version(p)}" for p in ("coremltools", "torch", "transformers")
    )
    minutes = sum(r["cpu_seconds"] for r in results.values()) / 60
    made = {
        "versions": f"{versions}; {len(results)} packages, {minutes:.0f} minutes of one CPU core in all.",
        "table": table(results),
        "lengths": by_length(results),
        "speed": speeds(results),
    }
    for name, text in made.items():
        before, rest = page.split(f"<!-- {name} -->\n", 1)
        after = rest.split(f"<!-- end of {name} -->", 1)[1]
        page = f"{before}<!-- {name} -->\n{text}\n<!-- end of {name} -->{after}"
    PAGE.write_text(page, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=6, help="texts of each length; four times as many images")
    parser.add_argument("--teacher", type=Path, action="append", default=[], help="fine-tuned classifier")
    parser.add_argument("--only", default="", help="rows of the table whose name contains this")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE}")
    given = parser.parse_args(arguments)
    hush()
    torch.set_num_threads(1)
    teachers = {}
    for folder in given.teacher:
        kind = json.loads((folder / "config.json").read_text())["model_type"]
        teachers[ARCHITECTURES[kind]] = folder
    makers: dict[str, Any] = {n: Classifier(n, given.rows, teachers.get(n)) for n in RECIPES}
    makers |= {"EfficientNet-Lite0": ConvNet(4 * given.rows), "SmolLM2-135M": Language()}
    for case in cases():
        wanted = given.only.lower() in f"{case.model} {case.precision} {case.shapes}".lower()
        marks = [
            given.rows,
            str(teachers.get(case.model)),
            *(importlib.metadata.version(p) for p in ("coremltools", "torch")),
        ]
        settings = hashlib.sha256(json.dumps(marks).encode()).hexdigest()[:12]
        known = json.loads(case.file.read_text()) if case.file.is_file() else {}
        if not wanted or known.get("settings") == settings:
            continue
        found = measure(case, makers[case.model], settings)
        told = [f"{r}: {found[r]['error']:.1e} {found[r]['cosine']:.6f}" for r in ROUNDINGS]
        print(case.file.stem, *told, f"{found['cpu_seconds']:.0f} s of one core", flush=True)
    results = saved()
    if given.write:
        write_page(results)
    worst = {
        r: max((f[r]["error"] for c, f in results.items() if c.precision == "fp16"), default=None)
        for r in ROUNDINGS
    }
    print(json.dumps({"packages": len(results), "of": len(list(cases())), "fp16_worst_error": worst}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
