"""One student exported by edgekit and by every other toolkit: latency, accuracy and size, interleaved.

Limit: the student's products at this machine's own peak (fp32, or int8 for the weights' products), or its
weights' bytes at the rate they can be read, whichever is longer; after them what ONNX Runtime's kernels for
softmax, GELU, normalisation and quantization take by themselves at the student's shapes.

ONNX files, whoever made them, run in one process by one ONNX Runtime; OpenVINO and PyTorch run in processes
of their own environments that wait while others run. Batch 1. Contestants take turns call by call in random
order, and each timed call follows an untimed one of the same contestant. Then the test rows at their own
lengths, in blocks, where a runtime that prepares for a shape pays for each new one.

Run: make demo and make peers, then
     python benchmarks/exported_latency.py [RUN_FOLDER] [--only NAME …] [--rounds N] [--write]
What the peers made is kept below exported/exported-latency/, by the student's hash; delete it to start anew.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from latency_peers import page, turns
from latency_peers.contestants import RUNTIMES, Contestant, contestants
from remote import environment

from edgekit import api, pipeline
from edgekit.benchmark.environment import record_environment
from edgekit.data.judged import judged_rows
from edgekit.files import atomic, read_json, sha256_file, sha256_json, write_json
from edgekit.quiet import hush
from edgekit.recipe.schema import Recipe

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / "latency_peers"
REFERENCE = "edgekit onnx/model"
VARIANTS = 8  # different rows of one length
WARMUP = 20  # rounds
ACCURACY_SLACK = 0.01  # of the fp32 student's accuracy: what an artifact of ours may lose to stand for us


def main() -> None:
    options = _options()
    hush()
    environment = record_environment(max(options.threads))  # the load before our own
    run = options.run
    if not (run / "student/onnx/model.onnx").is_file():
        sys.exit(f"{run} holds no exported student. Run `make demo` first, or give the folder of a run.")
    scratch = options.work.absolute() / sha256_file(run / "student/model.safetensors")[:16]
    models = {name: run / name for name in ("student", "teacher")}
    models |= {other.resolve().name: other / "student" for other in options.also}
    rows = {name: inputs(folder, scratch, options.lengths) for name, folder in models.items()}
    limits = {str(n): limit(run, n, options.lengths) for n in options.threads}
    print(page.limit_text(limits), flush=True)
    entered, missing = prepare(contestants(models), options, run, scratch, rows["student"])
    told: dict[str, Any] = {
        "benchmark": "exported_latency",
        "command": shlex.join(["python", "benchmarks/exported_latency.py", *sys.argv[1:]]),
        "rounds": options.rounds,
        "environment": environment,
        "peers": pinned(),
        "limit": limits,
        "not_measured": missing,
        **{name: {} for name in ("size_bytes", "answers", "accuracy", "agreement", "threads")},
    }
    for threads in options.threads:
        told["threads"][str(threads)] = measure(entered, options, scratch, rows, threads, told)
        judge(told, entered, rows)
        print("\n" + page.times_text(told, str(threads)), flush=True)
    told["ratios"] = ratios(entered, told, options)
    del told["answers"]
    for result in told["threads"].values():
        del result["samples"]
    print("\n" + page.ratios_text(told["ratios"], missing))
    if options.write:
        page.write(ROOT / "docs/exported-latency.md", page.text(told))
    print(json.dumps(told, ensure_ascii=False))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", type=Path, default=ROOT / "exported" / "movie-reviews")
    parser.add_argument(
        "--also", nargs="*", type=Path, default=[], metavar="RUN", help="other students of the same data"
    )
    parser.add_argument("--rounds", type=int, default=200, help="timed calls at each length")
    parser.add_argument("--test-rows", type=int, help="test rows that are timed; all by default, 0 for none")
    parser.add_argument("--lengths", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="*", default=[], help="contestants whose name has one of these")
    parser.add_argument("--ours", help="the artifact that stands for edgekit; the fastest accurate one")
    parser.add_argument("--work", type=Path, default=ROOT / "exported" / "exported-latency")
    parser.add_argument("--write", action="store_true", help="put the results into docs/exported-latency.md")
    return parser.parse_args()


def inputs(folder: Path, scratch: Path, lengths: list[int]) -> Path:
    """A model's calibration rows, test rows with their labels, and made-up rows of each length: one file."""
    loaded = api.load(folder)
    recorded = folder.parent / ".edgekit/run.json"
    key = sha256_json([sha256_file(path) for path in (folder / "tokenizer.json", recorded)] + [lengths])
    path = scratch / f"rows-{key[:8]}.json"
    if path.exists():
        return path
    recipe = Recipe.model_validate(read_json(recorded)["recipe"])
    splits = pipeline.prepare(recipe, scratch / "data").splits
    task, limit = loaded.signature.task, loaded.signature.max_length or 128
    test, truth = judged_rows(task, loaded.processor, splits.test, limit)
    calibration, _ = judged_rows(task, loaded.processor, splits.calibration, limit)
    random = np.random.default_rng(0)
    vocabulary = loaded.module.config.vocab_size

    def made_up(length: int) -> dict[str, list[int]]:
        values = {name: [0] * length for name in test[0]}
        ids = random.integers(min(1000, vocabulary // 2), vocabulary, length).tolist()
        return {**values, "input_ids": ids, "attention_mask": [1] * length}

    sets: dict[str, Any] = {str(n): [made_up(n) for _ in range(VARIANTS)] for n in lengths}
    write_json(path, {"calibration": calibration, "labels": truth, "sets": {**sets, "test": test}})
    return path


def limit(run: Path, threads: int, lengths: list[int]) -> dict[str, Any]:
    """The machine's peaks and the student's floor, measured in a process of its own."""
    command = [sys.executable, str(PEERS / "limit.py"), str(run / "student/config.json")]
    command += ["--threads", str(threads), "--lengths", *map(str, lengths)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=environment(threads))
    return dict(json.loads(ended.stdout))


def prepare(
    wanted: list[Contestant], options: argparse.Namespace, run: Path, scratch: Path, rows: Path
) -> tuple[list[Contestant], dict[str, str]]:
    """Contestants with their files, and why others have none. What a maker made is kept."""
    entered, missing = [], {}
    for one in wanted:
        if options.only and not any(part in one.name for part in options.only) and one.name != REFERENCE:
            continue
        needed = (one.made_in, RUNTIMES[one.runtime])
        absent = next((name for name in needed if not _python(name).exists()), None)
        if absent:
            missing[one.name] = f"the environment {absent} is missing (make peers)"
            continue
        path = (_made(one, run / "student", scratch, rows) if one.maker else Path.cwd()) / one.path
        if path.exists():
            entered.append(replace(one, path=path))
        else:
            missing[one.name] = f"{one.maker} did not make {one.path}; its log is in {scratch.name}/"
    return entered, missing


def _python(environment: str) -> Path:
    return ROOT / ".venv-peers" / environment / "bin" / "python" if environment else Path(sys.executable)


def pinned() -> dict[str, str]:
    """The toolkits' versions, as their environments were made."""
    names = {"optimum", "optimum-onnx", "olive-ai", "openvino", "nncf", "torchao"}
    files = [ROOT / "benchmarks/peers" / f"{n}.txt" for n in ("optimum", "olive", "openvino", "torchao")]
    lines = [line.split("==") for file in files for line in file.read_text(encoding="utf-8").split()]
    return {line[0]: line[1] for line in lines if line[0] in names}


def _made(one: Contestant, student: Path, scratch: Path, rows: Path) -> Path:
    """The folder that a maker filled, for this student, script and environment."""
    pins = f"benchmarks/peers/{one.made_in}.txt" if one.made_in else "constraints.txt"
    key = sha256_json([sha256_file(path) for path in (PEERS / one.maker, ROOT / pins)])[:8]
    folder = scratch / f"{Path(one.maker).stem}-{key}"
    if folder.exists():
        return folder
    print(f"{one.maker} …", file=sys.stderr, flush=True)
    with folder.with_suffix(".log").open("w", encoding="utf-8") as log, atomic(folder) as out:
        out.mkdir()
        command = [_python(one.made_in), PEERS / one.maker, student.absolute(), out, rows]
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment(1), check=False)
    return folder


def measure(
    entered: list[Contestant],
    options: argparse.Namespace,
    scratch: Path,
    rows: dict[str, Path],
    threads: int,
    told: dict[str, Any],
) -> dict[str, Any]:
    """Every contestant's times on so many threads.

    Args:
        told: gets, once, the size and the answers of each contestant, and why others could not be measured.
    """
    with turns.closing({}) as remotes:
        ready = []
        for one in entered:
            if one.runtime not in remotes:
                python = _python(RUNTIMES[one.runtime])
                remotes[one.runtime] = turns.Contender(python, one.runtime, threads=threads, scratch=scratch)
            remote = remotes[one.runtime]
            _say(f"{threads} threads: {one.name} …")
            model = {"path": str(one.path), "settings": one.settings, "rows": str(rows[one.model])}
            try:
                told["size_bytes"][one.name] = remote.ask("open", name=one.name, **model)["size_bytes"]
                if one.name not in told["answers"]:
                    logits = remote.ask("answer", name=one.name, set="test")["logits"]
                    told["answers"][one.name] = np.argmax(logits, axis=-1)
            except RuntimeError as error:
                told["not_measured"][one.name] = f"{error} ({threads} threads)"
                continue
            ready.append(turns.Turn(one.name, remote))
        samples: dict[str, turns.Samples] = {}
        for length in map(str, options.lengths):
            _say(f"{threads} threads: {length} tokens …")
            samples[length] = turns.at_length(
                ready, length, VARIANTS, rounds=options.rounds, warmup=min(WARMUP, options.rounds)
            )
        count = min(len(read_json(path)["labels"]) for path in rows.values())
        count = count if options.test_rows is None else min(options.test_rows, count)
        if count:
            _say(f"{threads} threads: test rows …")
            samples["test"] = turns.at_own_lengths(ready, count)
    names = [turn.name for turn in ready]
    ms = {name: {column: _summary(found[name]) for column, found in samples.items()} for name in names}
    return {"samples": samples, "ms": ms}


def judge(told: dict[str, Any], entered: list[Contestant], rows: dict[str, Path]) -> None:
    """Adds each contestant's accuracy, and how often it says what our fp32 file says."""
    labels = {name: np.array(read_json(path)["labels"]) for name, path in rows.items()}
    answers = told["answers"]
    for one in entered:
        if one.name in answers:
            told["accuracy"][one.name] = float(np.mean(answers[one.name] == labels[one.model]))
            if REFERENCE in answers:
                told["agreement"][one.name] = float(np.mean(answers[one.name] == answers[REFERENCE]))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _summary(clocks: dict[str, np.ndarray]) -> dict[str, float]:
    """Medians and the middle four fifths, in ms; the mean too, of which a pass over test rows is made."""
    wall = clocks["wall"]
    low, high = np.percentile(wall, (10, 90))
    return {
        "median": float(np.median(wall)),
        "p10": float(low),
        "p90": float(high),
        "mean": float(wall.mean()),
        "cpu_own": float(np.median(clocks["own"])),
        "cpu_others": float(np.median(clocks["others"])),
    }


def ratios(entered: list[Contestant], told: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """How many times faster ours is than the best other ONNX Runtime route at each length, and the targets.

    Ours is one artifact throughout; the best other route may be another one at each length.
    """
    peers = [one.name for one in entered if one.other_route]
    ours = options.ours or _fastest([one.name for one in entered if one.own], told)
    rows = []
    for threads, result in told["threads"].items():
        for column, samples in result["samples"].items():
            measured = [name for name in peers if name in samples]
            if not measured or ours not in samples:
                continue
            medians = {name: float(np.median(samples[name]["wall"])) for name in measured}
            best = min(medians, key=medians.__getitem__)
            clocks = {
                clock: turns.ratio(samples[best][clock], samples[ours][clock]) for clock in ("wall", "own")
            }
            target = {"16": 1.2, "128": 1.0}.get(column, 0.97)
            rows.append(
                {
                    "threads": int(threads),
                    "column": column,
                    "best": best,
                    **clocks,
                    "target": target,
                    "reached": clocks["wall"][0] >= target,
                }
            )
    return {"ours": ours, "rows": rows, "teacher": _against("teacher onnx/model", ours, told)}


def _against(other: str, ours: str, told: dict[str, Any]) -> dict[str, Any]:
    """How many times smaller and faster ours is than another, without intervals."""
    both = {n: r for n, r in told["threads"].items() if other in r["ms"] and ours in r["ms"]}
    return {
        threads: {
            "smaller": told["size_bytes"][other] / told["size_bytes"][ours],
            "faster": {
                column: cell["median"] / result["ms"][ours][column]["median"]
                for column, cell in result["ms"][other].items()
            },
        }
        for threads, result in both.items()
    }


def _fastest(names: list[str], told: dict[str, Any]) -> str:
    """Of the artifacts that are about as accurate as fp32, the one with the least geometric mean."""
    times = [result["ms"] for result in told["threads"].values()]

    def mean_log(name: str) -> float:
        return statistics.mean(math.log(cell["median"]) for ms in times for cell in ms[name].values())

    least = told["accuracy"].get(REFERENCE, 0.0) - ACCURACY_SLACK
    usable = [n for n in names if all(n in ms for ms in times) and told["accuracy"][n] >= least]
    return min(usable, key=mean_log, default="")


if __name__ == "__main__":
    main()
