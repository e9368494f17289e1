"""Samples per second of distillation: edgekit against what else its user could take, on one contest.

Limit: a student's forward and backward pass cannot take less time than its matrix products at this machine's
own peak, measured here with one large product in the same precision; and no distillation can be faster than
`bare loop`, which trains the student on labels alone.

Contest: one teacher (all-MiniLM-L6-v2, fine-tuned here once), one untrained student (3 of its layers), the
movie reviews, batches of 32, KL with T = 2 beside the labels. edgekit's seconds are those of its whole
student stage: reading the teacher, asking it once, training, judging on the validation split, saving. The
others' are their training calls alone. CPU seconds are the process's own, over the same time or more.

Every contestant runs in a process of its own; its result is kept, and a stopped benchmark goes on from there.
Run: make bench-peers, then python benchmarks/distillation_speed.py [--rows N] [--epochs N] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.quiet import hush
from edgekit.threads import share_cores

hush()
share_cores()

import torch  # noqa: E402 - after the switches above
from peers import common  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"
WINDOW = 50  # batches sorted together, as edgekit does


@dataclass(frozen=True)
class Contestant:
    """One way to train the student."""

    name: str
    environment: str  # below .venv-peers; "" for edgekit's own
    driver: str
    options: tuple[str, ...] = ()
    note: str = ""


CONTESTANTS = (
    Contestant("edgekit, frozen embeddings", "", "frozen"),
    Contestant("edgekit, lazy embeddings", "", "lazy"),
    Contestant("edgekit, dense embeddings", "", "dense"),
    Contestant("edgekit, lazy, hidden states too", "", "lazy+hidden", note="also learns hidden states"),
    Contestant(
        "bare loop, frozen embeddings", "trainer", "bare_loop.py",
        ("--embeddings", "frozen", "--precision", "bf16"), "labels only, no teacher",
    ),
    Contestant(
        "bare loop, dense embeddings", "trainer", "bare_loop.py",
        ("--embeddings", "dense", "--precision", "bf16"), "labels only, no teacher",
    ),
    Contestant(
        "Trainer, dynamic padding, bf16", "trainer", "trainer.py",
        ("--padding", "longest", "--precision", "bf16"),
    ),
    Contestant(
        "Trainer, dynamic padding", "trainer", "trainer.py", ("--padding", "longest", "--precision", "fp32")
    ),
    Contestant("torchdistill", "torchdistill", "torchdistill_driver.py", note="dynamic padding"),
    Contestant(
        "TextBrewer, cached logits", "textbrewer", "textbrewer_driver.py", ("--cache", "yes"), "padded to 128"
    ),
    Contestant("TextBrewer", "textbrewer", "textbrewer_driver.py", ("--cache", "no"), "padded to 128"),
    Contestant(
        "Trainer, padded to 128", "trainer", "trainer.py", ("--padding", "128", "--precision", "fp32")
    ),
)  # fmt: skip
TARGETS = (  # of edgekit with lazy embeddings, which trains what the others train
    ("Trainer, padded to 128", 10.0),
    ("TextBrewer", 10.0),
    ("Trainer, dynamic padding", 4.0),
    ("Trainer, dynamic padding, bf16", 3.0),
)


def main() -> None:
    options = _options()
    if options.edgekit:
        run_edgekit(options)
        return
    folder = options.out / f"rows-{options.rows or 'all'}"
    contest = prepare(folder / "contest", options)
    limit = state_limit(contest, options.threads)
    results = {}
    for contestant in CONTESTANTS:
        slug = "".join(c if c.isalnum() else "-" for c in contestant.name)
        path = folder / "results" / f"epochs-{options.epochs}-threads-{options.threads}" / f"{slug}.json"
        wanted = not options.only or any(part in contestant.name for part in options.only)
        if not path.exists() and wanted:
            run(contestant, contest, path, options)
        if path.exists():
            results[contestant.name] = json.loads(path.read_text(encoding="utf-8"))
    report(results, limit, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, help="training rows; all by default")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", nargs="*", default=[], help="contestants whose name has one of these")
    parser.add_argument("--out", type=Path, default=ROOT / "exported" / "distillation-speed")
    parser.add_argument("--edgekit", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def prepare(folder: Path, options: argparse.Namespace) -> Path:
    """The teacher, the untrained student and the texts, made once."""
    if (folder / "data.json").exists():
        return folder
    from edgekit.data.batching import length_buckets
    from edgekit.models.save import save_model
    from edgekit.models.student import build_student
    from edgekit.pipeline import prepare as fetch
    from edgekit.stages.training import load_trained, train_teachers

    print("Fine-tuning the teacher, once …", flush=True)
    torch.set_num_threads(options.threads)
    context = fetch(_recipe(options, "teacher.finetune.epochs=2"), folder / "fine-tuning")
    teacher = train_teachers(context)["teacher"]
    model = load_trained(context, teacher)
    shutil.copytree(teacher.path, folder / "teacher", dirs_exist_ok=True)
    student = build_student(model, layers=3, select="uniform", name="student")
    # One student for all; without dropout, as the recipe has it.
    student.module.config.update({"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})
    save_model(student, folder / "student", provenance={})
    rows = context.rows_for(context.processor)
    lengths = [len(row["input_ids"]) for row in rows]
    told = {
        name: {"texts": list(split.inputs), "labels": list(split.labels)}
        for name, split in (("train", context.splits.train), ("test", context.splits.test))
    }
    batches = [
        length_buckets(lengths, common.BATCH_SIZE, seed=0, epoch=epoch, window=WINDOW) for epoch in range(3)
    ]
    (folder / "data.json").write_text(json.dumps({**told, "batches": batches}), encoding="utf-8")
    return folder


def _recipe(options: argparse.Namespace, *overrides: str) -> Any:
    from edgekit.recipe.load import load_recipe

    rows = [f"data.limit={round(options.rows / 0.8)}"] if options.rows else []
    plain = ["exports=[]", "benchmark.enabled=false", "baselines.label_only=false", "baselines.tfidf=false"]
    return load_recipe("movie-reviews", [*rows, *plain, *overrides])


def run_edgekit(options: argparse.Namespace) -> None:
    """edgekit as a contestant, in a process of its own: a recipe's student stage."""
    from edgekit.pipeline import prepare as fetch
    from edgekit.pipeline import train_models

    contest, path, variant = Path(options.edgekit[0]), Path(options.edgekit[1]), options.edgekit[2]
    torch.set_num_threads(options.threads)
    folder = path.parent / f"run-{variant}"
    shutil.rmtree(folder, ignore_errors=True)  # the teacher is asked anew
    recipe = _recipe(
        options,
        f"teacher.model={{path: {json.dumps(str(contest / 'teacher'))}}}",
        "teacher.finetune=null",
        f"distill.epochs={options.epochs}",
        f"distill.learning_rate={common.LEARNING_RATE}",
        "distill.evaluations_per_epoch=1",
        "distill.keep_best=false",
        f"distill.weights.hidden_cosine={0.5 if 'hidden' in variant else 0.0}",
        f"distill.embedding_updates={variant.split('+')[0]}",
    )
    context = fetch(recipe, folder)
    clock, whole = common.Clock(), common.Clock()
    with common.measured(whole):
        _, student, _ = train_models(context)
    clock.seconds = next(stage.seconds for stage in context.store.runs if stage.name == "student")
    clock.cpu_seconds = whole.cpu_seconds
    samples = options.epochs * len(context.splits.train)
    clock.epoch_seconds = [samples / student.samples_per_second / options.epochs] * options.epochs

    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    module = AutoModelForSequenceClassification.from_pretrained(student.path)
    test = json.loads((contest / "data.json").read_text(encoding="utf-8"))["test"]
    score = common.accuracy(module, AutoTokenizer.from_pretrained(student.path), test)
    versions = {name: importlib.metadata.version(name) for name in ("edgekit", "torch", "transformers")}
    common.write(path, clock, samples=samples, accuracy=score, versions=versions)
    shutil.rmtree(folder)


def run(contestant: Contestant, contest: Path, path: Path, options: argparse.Namespace) -> None:
    """One contestant in its own process and environment."""
    settings = ["--epochs", str(options.epochs), "--threads", str(options.threads)]
    if contestant.environment:
        python = ROOT / ".venv-peers" / contestant.environment / "bin" / "python"
        if not python.exists():
            print(f"{contestant.name}: not measured, its environment is missing (make bench-peers)")
            return
        driver = PEERS / contestant.driver
        command = [str(python), str(driver), str(contest), str(path), *settings, *contestant.options]
    else:
        own = ["--rows", str(options.rows)] if options.rows else []
        command = [sys.executable, __file__, *settings, *own]
        command += ["--edgekit", str(contest), str(path), contestant.driver]
    print(f"{contestant.name} …", flush=True)
    log = path.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as stream:
        ended = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, check=False)
    if ended.returncode:
        print(f"{contestant.name}: not measured, it ended with {ended.returncode}; see {log}")


def state_limit(contest: Path, threads: int) -> dict[str, float]:
    """Samples per second if the student's matrix products ran at this machine's peak and nothing else did."""
    config = json.loads((contest / "student" / "config.json").read_text(encoding="utf-8"))
    data = json.loads((contest / "data.json").read_text(encoding="utf-8"))
    torch.set_num_threads(threads)
    # Tokens as the batches pad them; a token's products are 2 FLOPs a weight, and thrice that with backward.
    tokenizer = common.AutoTokenizer.from_pretrained(contest / "teacher")
    lengths = [
        len(ids) for ids in tokenizer(data["train"]["texts"], truncation=True, max_length=128).input_ids
    ]
    width, inner = config["hidden_size"], config["intermediate_size"]
    weights = 4 * width**2 + 2 * width * inner
    flops = statistics.mean(
        max(lengths[i] for i in batch)
        * 3
        * config["num_hidden_layers"]
        * (2 * weights + 4 * width * max(lengths[i] for i in batch))
        for batch in data["batches"][0]
    )
    peaks = {"fp32": _peak(torch.float32), "bf16": _peak(torch.bfloat16)}
    print(__doc__.split("\n\n")[1].replace("\n", " "))
    for precision, peak in peaks.items():
        print(
            f"  {precision}: {peak / 1e9:,.0f} GFLOP/s measured, {flops / 1e9:.2f} GFLOP a sample: "
            f"at most {peak / flops:,.0f} samples/s on {threads} threads"
        )
    print(flush=True)
    return {precision: peak / flops for precision, peak in peaks.items()}


def _peak(dtype: torch.dtype, size: int = 2048) -> float:
    """FLOPs per second of a square product, the best of several."""
    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    seconds = []
    for _ in range(6):
        started = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)


def report(results: dict[str, Any], limit: dict[str, float], options: argparse.Namespace) -> None:
    """The table, the targets and the JSON line."""
    slowest = results.get("Trainer, padded to 128")
    print(
        f"| {'contestant':<34} | samples/s | × padded Trainer | CPU s per 1000 samples | accuracy % | "
        "training alone, samples/s |"
    )
    print(f"| :{'-' * 33} | --------: | ---------------: | ---------------------: | ---------: | ------: |")
    rates = {name: r["samples"] / r["seconds"] for name, r in results.items()}
    alone = {}
    for contestant in CONTESTANTS:
        name = contestant.name
        if name not in results:
            print(f"| {name:<34} | not measured | | | | |")
            continue
        result = results[name]
        epochs = result["epoch_seconds"][1:]
        if epochs:
            alone[name] = result["samples"] / options.epochs / statistics.mean(epochs)
        times = f"{rates[name] / rates['Trainer, padded to 128']:.1f}" if slowest else ""
        print(
            f"| {name:<34} | {rates[name]:9.1f} | {times:>16} | "
            f"{1000 * result['cpu_seconds'] / result['samples']:22.2f} | {100 * result['accuracy']:10.1f} | "
            f"{alone.get(name, float('nan')):7.1f} |".replace("    nan", "       ")
        )
    print()
    checks = []
    best = rates.get("edgekit, lazy embeddings")
    for other, times in TARGETS:
        if best and other in rates:
            checks.append((f"lazy edgekit ÷ {other}", best / rates[other], times))
    for kind in ("frozen", "dense"):
        own, bare = alone.get(f"edgekit, {kind} embeddings"), alone.get(f"bare loop, {kind} embeddings")
        if own and bare:
            checks.append((f"edgekit, from epoch 2 on ÷ bare loop, {kind}", own / bare, 0.9))
    for what, value, target in checks:
        print(f"{what}: {value:.2f} (target {target:g}): {'reached' if value >= target else 'missed'}")
    print(
        json.dumps(
            {
                "benchmark": "distillation_speed",
                "rows": options.rows,
                "epochs": options.epochs,
                "threads": options.threads,
                "limit_samples_per_s": limit,
                "samples_per_s": rates,
                "training_alone_samples_per_s": alone,
                "cpu_s_per_sample": {n: r["cpu_seconds"] / r["samples"] for n, r in results.items()},
                "accuracy": {n: r["accuracy"] for n, r in results.items()},
                "versions": {n: r["versions"] for n, r in results.items()},
                "checks": [{"what": w, "value": v, "target": t} for w, v, t in checks],
            },
            ensure_ascii=False,
        )
    )


if __name__ == "__main__":
    main()
