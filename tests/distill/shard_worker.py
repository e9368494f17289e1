"""Asks a teacher that is spread over processes, and compares it with a whole one. Not a test itself."""

from __future__ import annotations

import contextlib
import copy
import sys
from pathlib import Path

import torch

from edgekit.distill import processes
from edgekit.distill.knowledge import Needs
from edgekit.distill.sharding import spread
from edgekit.distill.teacher import LiveTeacher
from edgekit.models.load import load_model
from edgekit.types import Source


def main(folder: str) -> None:
    torch.set_num_threads(1)
    device = processes.join("cpu")
    whole = load_model(Source("tiny", "0" * 64, Path(folder)), name="teacher").module.eval()
    needs = Needs(hidden=frozenset({0, 4}))
    parts = spread(copy.deepcopy(whole), device)
    held = sum(p.to_local().numel() for p in parts.parameters())
    total = sum(p.numel() for p in whole.parameters())
    ids = torch.arange(5, 17).reshape(2, 6) + processes.rank()  # each process has its own slice
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    expected, found = (
        LiveTeacher(module, needs, autocast=contextlib.nullcontext).live(inputs) for module in (whole, parts)
    )
    torch.testing.assert_close(found.logits, expected.logits)
    torch.testing.assert_close(found.hidden[4], expected.hidden[4])
    print(f"same {held / total:.2f}", flush=True)
    processes.leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
