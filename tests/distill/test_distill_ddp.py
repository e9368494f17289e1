"""Two processes are one: the same curve at the same global batch, and a dead one costs a restart, no more."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WORKER = Path(__file__).parent / "kill_worker.py"


def start(script: Path, *arguments: Any, count: int, **environment: str) -> subprocess.Popen[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    return subprocess.Popen(
        [sys.executable, *launcher, str(script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    out, error = process.communicate(timeout=240)
    assert process.returncode == 0, error[-3000:]
    return out.splitlines()


def curve(lines: list[str]) -> list[list[float]]:
    return json.loads(next(line for line in lines if line.startswith("curve"))[len("curve ") :])


def test_two_processes_learn_what_one_learns(tiny_classifier: Path, tmp_path: Path) -> None:
    # Batches of 51 give the two processes unequal slices, and the last one of a single row gives one nothing.
    settings = {"dropout": 0, "batch_size": 51, "epochs": 3, "embedding_updates": "lazy"}
    one = start(WORKER, tiny_classifier, tmp_path / "one", json.dumps(settings), count=1)
    two = start(WORKER, tiny_classifier, tmp_path / "two", json.dumps(settings), count=2)
    alone, together = curve(finish(one)), curve(finish(two))
    assert [p[0] for p in together] == [p[0] for p in alone]
    for (_, loss, score), (_, other_loss, other_score) in zip(alone, together, strict=True):
        assert other_loss == pytest.approx(loss, rel=1e-4)
        assert other_score == pytest.approx(score, abs=1.5 / 44), "one row near the border, at most"
    written = {p.name for p in (tmp_path / "two" / "log").iterdir()}
    assert written == {"metrics.jsonl"}
    steps = [json.loads(x)["step"] for x in (tmp_path / "two/log/metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps) and len(steps) == len(set(steps)), "written by one process"


def test_when_one_process_is_killed_the_run_ends_and_continues(tiny_classifier: Path, tmp_path: Path) -> None:
    settings = json.dumps({"epochs": 3, "embedding_updates": "lazy"})  # each process has its own dropout
    whole = finish(start(WORKER, tiny_classifier, tmp_path / "whole", settings, count=2))[-1]
    process = start(WORKER, tiny_classifier, tmp_path / "killed", settings, count=2)
    assert process.stdout
    other, steps = 0, 0
    for line in process.stdout:
        if line.startswith("process 1"):
            other = int(line.split()[-1])
        steps += line.startswith("step")
        if steps == 20:
            os.kill(other, signal.SIGKILL)
            break
    process.communicate(timeout=120)
    assert process.returncode != 0, "the launcher ends the other process too"
    assert (tmp_path / "killed" / "checkpoint" / "state.json").is_file()
    lines = finish(start(WORKER, tiny_classifier, tmp_path / "killed", settings, count=2))
    assert any("continuing at step" in line for line in lines)
    assert whole.startswith("weights ") and lines[-1] == whole


@pytest.mark.slow
def test_a_process_whose_fellow_died_says_how_to_go_on(tiny_classifier: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    both = []
    for rank in ("0", "1"):  # without a launcher that would end the other one
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        both.append(
            subprocess.Popen(
                [sys.executable, str(WORKER), str(tiny_classifier), str(tmp_path), '{"epochs": 1000}'],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | place | {"MASTER_PORT": port, "OMP_NUM_THREADS": "1"},
            )
        )
    main, other = both
    assert main.stdout
    next(line for line in main.stdout if line.startswith("step"))
    other.kill()
    error = main.communicate(timeout=120)[1]
    other.communicate()
    assert main.returncode != 0
    assert "Process 0 of 2 lost its connection" in error and "Start the same command again" in error


def test_a_teacher_spread_over_processes_answers_like_a_whole_one(tiny_classifier: Path) -> None:
    worker = WORKER.with_name("shard_worker.py")
    lines = finish(start(worker, tiny_classifier, count=2, ACCELERATE_USE_FSDP="true"))
    assert "\n".join(lines).count("same 0.50") == 2, "each process holds half of the weights"
