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
from tests.announce import Announce
from tests.tune.tune_examples import small_settings

SETTINGS = small_settings(epochs=4, checkpoint_every_s=0.01, adapter_dropout=0.1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    progress.listen(Announce())
    model, data, out = map(Path, sys.argv[1:])
    tune(model, data, out, SETTINGS)
