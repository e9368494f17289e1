"""Asks a tiny teacher in a process of its own and kills itself on the way. Not a test itself.

Arguments: model folder, cache folder, rows after which to die (0: never), seconds between commits.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

import torch

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from edgekit import progress
from edgekit.batches import chosen_rows, pad_rows
from edgekit.data.tokens import tokenise
from edgekit.distill import cache, processes
from edgekit.distill.knowledge import Needs
from edgekit.distill.teacher import ask
from edgekit.files import sha256_path
from edgekit.models.load import load_model
from edgekit.types import Source
from tests.conftest import reviews


class Counter:
    """Counts the rows that are asked, and dies when there are enough; 0: never."""

    def __init__(self, dies_after: int = 0) -> None:
        self.dies_after, self.seen, self.kept = dies_after, 0, None

    @contextlib.contextmanager
    def bar(self, title, total, unit):
        yield self

    def advance(self, amount=1):
        self.kept = amount if self.kept is None else self.kept
        self.seen += amount
        if self.dies_after and self.seen >= self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)

    def note(self, text):
        return None

    def say(self, text):
        return None

    @property
    def asked(self) -> int:
        return self.seen - (self.kept or 0)


def ask_reviews(model_folder: Path, folder: Path) -> None:
    """Fills `folder` with answers for all reviews."""
    torch.set_num_threads(1)
    model = load_model(Source("tiny", "0" * 64, model_folder), name="teacher")
    rows = tokenise(model.processor, [text for text, _ in reviews()], 32)

    def collate(indices):
        arrays = pad_rows(chosen_rows(rows, indices), model.signature, pad_id=0)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    ask(
        model.module,
        rows,
        collate=collate,
        needs=Needs(hidden=frozenset({2})),
        autocast=contextlib.nullcontext,
        folder=folder,
        key="",
        limit_bytes=10**9,
    )


def main(model_folder: str, folder: str, dies_after: str, commit_s: str) -> None:
    cache.COMMIT_S = float(commit_s)
    if "RANK" in os.environ:
        torch.distributed.init_process_group("gloo")
    counter = Counter(int(dies_after))
    progress.listen(counter)
    ask_reviews(Path(model_folder), Path(folder))
    print(counter.asked, sha256_path(Path(folder) / "hidden-2.npy"))
    if "RANK" in os.environ:
        processes.leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
