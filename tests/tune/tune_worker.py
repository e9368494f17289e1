"""Tunes a tiny decoder in a process of its own, so that a test can kill it. Not a test itself.

python tune_worker.py MODEL DATA OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgekit import progress
from edgekit.tune.run import tune
from tests.tune.tune_examples import small_settings

SETTINGS = small_settings(epochs=4, checkpoint_every_s=0.01, adapter_dropout=0.1)


class _Announce(progress.Silent):
    """Prints each finished step, so that the test knows when to strike."""

    def bar(self, title, total, unit):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def advance(self, amount=1):
        print("step", flush=True)

    def note(self, text):
        return None

    def say(self, text):
        print(text, flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    progress.listen(_Announce())
    model, data, out = map(Path, sys.argv[1:])
    tune(model, data, out, SETTINGS)
