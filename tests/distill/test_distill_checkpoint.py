"""A run killed at any moment ends with the weights, the curve and the log of one that was not."""

from __future__ import annotations

import json
import math
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from edgekit.distill import checkpoint
from edgekit.distill.loop import train
from edgekit.errors import TrainingError
from tests.distill.kill_worker import Remembering, make_job

WORKER = Path(__file__).parent / "kill_worker.py"
VARIANTS: dict[str, tuple[dict[str, Any], str]] = {
    "adamw": ({}, "fp32"),
    "lazy, accumulated, bf16": ({"embedding_updates": "lazy", "gradient_accumulation": 3}, "bf16"),
    "schedule-free": ({"optimizer": "schedule-free", "embedding_updates": "frozen"}, "fp32"),
    "prodigy": ({"optimizer": "prodigy", "learning_rate": 1.0}, "fp32"),
    "fp16": ({}, "fp16"),
}


def run_worker(
    model: Path, work: Path, *, kill_after: int | None, variant: tuple[dict[str, Any], str]
) -> list[str]:
    """Lines the worker printed; with `kill_after` it gets SIGKILL after that many of its steps."""
    settings, precision = variant
    process = subprocess.Popen(
        [sys.executable, str(WORKER), str(model), str(work), json.dumps(settings), precision],
        stdout=subprocess.PIPE,
        text=True,
    )
    lines: list[str] = []
    steps = 0
    assert process.stdout
    for line in process.stdout:
        lines.append(line.strip())
        steps += line.startswith("step")
        if kill_after is not None and steps >= kill_after:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    return lines


def log(work: Path) -> list[dict[str, Any]]:
    """The log's lines without what a clock says."""
    told = [json.loads(line) for line in (work / "log" / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "samples_per_second"} for line in told]


def check_kills(model: Path, tmp_path: Path, kills: list[int], variant: tuple[dict[str, Any], str]) -> None:
    whole = run_worker(model, tmp_path / "whole", kill_after=None, variant=variant)[-1]
    assert whole.startswith("weights ")
    work, resumed = tmp_path / "killed", False
    for kill_after in kills:
        lines = run_worker(model, work, kill_after=kill_after, variant=variant)
        resumed |= any("continuing at step" in line for line in lines)
        if lines and lines[-1].startswith("weights"):
            break
    last = run_worker(model, work, kill_after=None, variant=variant)
    assert resumed or any("continuing at step" in line for line in last)
    assert last[-1] == whole, "bit for bit: all weights, buffers and the curve"
    assert log(work) == log(tmp_path / "whole")


def test_a_run_killed_at_any_point_ends_with_the_same_weights(tiny_classifier: Path, tmp_path: Path) -> None:
    check_kills(tiny_classifier, tmp_path, [9, 14], VARIANTS["adamw"])


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_twenty_random_kills(tiny_classifier: Path, tmp_path: Path, variant: str) -> None:
    pick = random.Random(variant)
    most = 12 // VARIANTS[variant][0].get("gradient_accumulation", 1)
    check_kills(
        tiny_classifier, tmp_path, [pick.randint(1, max(2, most)) for _ in range(20)], VARIANTS[variant]
    )


class Stopped(Exception):
    pass


class Stopping(Remembering):
    """Stops after a number of steps, as if killed."""

    left = 0

    def stepped(self, step: int) -> None:
        super().stepped(step)
        Stopping.left -= 1
        if Stopping.left == 0:
            raise Stopped


@pytest.mark.parametrize("at", ["amid an epoch", "between epochs"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_state_is_restored_bit_for_bit(
    tiny_classifier: Path, tmp_path: Path, variant: str, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, precision = VARIANTS[variant]

    def fresh(work: str) -> Any:
        return make_job(
            tiny_classifier,
            tmp_path / work,
            distiller=Stopping,
            precision=precision,
            **{"checkpoint_every_s": 1e-9, **settings},
        )

    # Without the share of time that saving may take, there is a checkpoint after every step.
    monkeypatch.setattr("edgekit.distill.loop.CHECKPOINT_SHARE", 1e9)
    monkeypatch.setattr(Stopping, "left", -1)
    whole = fresh("whole")
    curve = train(whole).curve
    per_epoch = math.ceil(16 / settings.get("gradient_accumulation", 1))
    stop_at = per_epoch + 1 if at == "between epochs" else per_epoch // 2 + 2
    monkeypatch.setattr(Stopping, "left", stop_at)
    with pytest.raises(Stopped):
        train(fresh("stopped"))
    resumed = fresh("stopped")
    assert train(resumed).curve == curve
    for name, value in whole.distiller.state_dict().items():
        assert torch.equal(resumed.distiller.state_dict()[name], value), name
    assert log(tmp_path / "stopped") == log(tmp_path / "whole")


def test_the_scale_of_fp16_losses_is_kept(tmp_path: Path) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**7)
    scaler.scale(torch.ones(()))  # creates its state
    module = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(module.parameters())
    parts: dict[str, Any] = {"distiller": module, "optimizers": [optimizer]}
    checkpoint.save(
        tmp_path / "c", key="k", position=checkpoint.Position(), scaler=scaler, best=None, **parts
    )
    other = torch.amp.GradScaler("cpu")
    assert checkpoint.resume(tmp_path / "c", key="k", scaler=other, **parts) is not None
    assert other.get_scale() == 2.0**7


def test_a_damaged_checkpoint_says_so(tiny_classifier: Path, tmp_path: Path) -> None:
    job = make_job(tiny_classifier, tmp_path, epochs=1, checkpoint_every_s=0.001)
    train(job)
    file = job.checkpoint_folder / "distiller.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(TrainingError, match="damaged"):
        train(job)


def test_a_checkpoint_of_another_job_is_not_resumed(tiny_classifier: Path, tmp_path: Path) -> None:
    job = make_job(tiny_classifier, tmp_path, epochs=1, checkpoint_every_s=0.001)
    train(job)
    before = (job.checkpoint_folder / "state.json").read_text()
    again = replace(make_job(tiny_classifier, tmp_path, epochs=1, checkpoint_every_s=0.001), key="another")
    assert [p.step for p in train(again).curve] == [8, 16]
    assert json.loads(before)["key"] == "job"
    assert json.loads((job.checkpoint_folder / "state.json").read_text())["key"] == "another"
