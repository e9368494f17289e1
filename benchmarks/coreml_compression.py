"""What each Core ML precision costs: bytes, outputs, labels and accuracy, of packages that are executed.

Limit: a weight of n bits takes n/16 of its fp16 bytes, and the fp16 package's accuracy is the most there is.
Packages are executed by reference semantics, never on a device, so no speed is told; seconds and memory are
those of compressing, in a process of its own.

Run: edgekit run movie-reviews, then
     python benchmarks/coreml_compression.py [RUN_FOLDER] [--only PART …] [--write]
Finished rows are kept below exported/coreml-compression/; delete it to measure again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgekit import api, pipeline, progress
from edgekit.data.judged import judged_rows
from edgekit.files import atomic, read_json, sha256_json, sha256_path, write_json
from edgekit.models.load import load_model
from edgekit.recipe.schema import Export, Gates, Recipe
from edgekit.recipe.schema.precisions import SCHEMES
from edgekit.stages.artifacts import Built, Workbench, build_target
from edgekit.stages.context import Context
from edgekit.stages.store import Store
from edgekit.types import Model, Split

PAGE = Path("docs/coreml-compression.md")
START, END = "<!-- measured -->", "<!-- /measured -->"
EMBEDDED = 200  # test texts that the encoder alone embeds
MIXED_BITS = (6.0, 5.0, 4.5)


class Saying(progress.Silent):
    """Prints what was done."""

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)


def benches(run: Path, work: Path) -> dict[str, Workbench]:
    """Title → bench: the run's student and teacher, and the teacher's encoder as it was."""
    recipe = Recipe.model_validate(read_json(run / ".edgekit/run.json")["recipe"])
    context = pipeline.prepare(recipe, work)
    student, teacher = api.load(run / "student"), api.load(run / "teacher")
    source = context.sources["teacher"]
    encoder = load_model(source, name="encoder", task="sentence-embedding", max_length=128)
    test = context.splits.test
    texts = Split(test.inputs[:EMBEDDED])
    return {
        title: _bench(context, model, weights, work / model.name, rows)
        for title, model, weights, rows in (
            ("Student, 3 layers (movie reviews)", student, run / "student", test),
            ("Teacher, 6 layers (movie reviews)", teacher, run / "teacher", test),
            ("Encoder alone, 6 layers (sentence embeddings)", encoder, source.path, texts),
        )
    }


def _bench(context: Context, model: Model, weights: Path, folder: Path, test: Split) -> Workbench:
    task, limit = model.signature.task, model.signature.max_length or 128
    rows, truth = judged_rows(task, model.processor, test, limit)
    return Workbench(
        store=Store(folder),
        load=lambda: model,
        name=folder.name,
        sha256=sha256_path(weights / "model.safetensors"),
        folder=folder,
        rows=rows,
        labels=truth if test.labels else (),
        rows_key=sha256_json([rows, list(truth)]),
        gates=Gates(),
        provenance={},
        calibration=lambda: judged_rows(task, model.processor, context.splits.calibration, limit)[0],
    )


def measure(bench: Workbench) -> list[dict[str, Any]]:
    """One row per precision, each measured once and kept."""
    kept = bench.folder / "rows.json"
    rows: dict[str, dict[str, Any]] = read_json(kept) if kept.is_file() else {}
    wanted: list[tuple[str, str, dict[str, float]]] = [("fp16", "fp16", {})]
    wanted += [(name, name, {}) for name in SCHEMES if name != "mixed"]
    wanted += [(f"mixed, {bits:g} bits", "mixed", {"bits": bits}) for bits in MIXED_BITS]
    for title, precision, mixed in wanted:
        if title not in rows:
            export = Export.model_validate(
                {
                    "target": "coreml",
                    "precisions": (precision,),
                    "minimum_deployment_target": "iOS18",
                    "mixed": mixed,
                }
            )
            rows[title] = _row(title, build_target(bench, export)[-1])
            write_json(kept, rows)
            print(json.dumps(rows[title]), flush=True)
    return [rows[title] for title, *_ in wanted]


def _row(title: str, built: Built) -> dict[str, Any]:
    parity, plan = built.parity, built.quantized
    return {
        "precision": title,
        "megabytes": built.artifact.size_bytes / 1e6,
        "cosine": parity.cosine,
        "agreement": parity.label_agreement,
        "accuracy": parity.metric,
        "seconds": plan.seconds if plan else None,
        "peak_bytes": plan.peak_bytes if plan else None,
        "rejected": built.rejected_because,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of one model in Markdown."""
    lines = [
        "| precision | MB | mean cosine | same label % | accuracy % | compressing, s | peak, MB | gates |",
        "| :-- | --: | --: | --: | --: | --: | --: | :-- |",
    ]
    for row in rows:
        cells = [
            row["precision"],
            f"{row['megabytes']:.1f}",
            f"{row['cosine']:.4f}",
            _percent(row["agreement"]),
            _percent(row["accuracy"]),
            "" if row["seconds"] is None else f"{row['seconds']:.0f}",
            "" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 1e6:.0f}",
            "rejected" if row["rejected"] else "held",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, default=Path("exported/movie-reviews"))
    parser.add_argument("--work", type=Path, default=Path("exported/coreml-compression"))
    parser.add_argument("--only", nargs="*", default=[], help="models whose title has one of these")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE}")
    options = parser.parse_args()
    progress.listen(Saying())
    measured = {}
    for title, bench in benches(options.run, options.work).items():
        if options.only and not any(part in title for part in options.only):
            continue
        print(title, flush=True)
        measured[title] = measure(bench)
    text = "\n\n".join(f"### {title}\n\n{table(rows)}" for title, rows in measured.items())
    print(text)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.split(START)[0], page.split(END)[1]
        with atomic(PAGE) as temporary:
            temporary.write_text(f"{before}{START}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    print(json.dumps({"benchmark": "coreml_compression", "models": measured}))


if __name__ == "__main__":
    main()
