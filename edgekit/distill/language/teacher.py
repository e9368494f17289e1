"""What a decoder's teacher says of each next token: asked for every batch, or the likeliest from disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from edgekit import __version__, progress
from edgekit.batches import by_length
from edgekit.distill import top_k as large
from edgekit.distill.cache import Column, Layout, Reader, Writer, is_complete
from edgekit.distill.fingerprint import answers_key
from edgekit.distill.knowledge import Batch, Needs
from edgekit.distill.language.chunks import CHUNK
from edgekit.distill.language.decoder import head_logits, last_hidden
from edgekit.distill.language.shared import Shared
from edgekit.distill.teacher import once
from edgekit.errors import TrainingError
from edgekit.files import human, sha256_json

if TYPE_CHECKING:
    from edgekit.types import Rows

    Inputs = Mapping[str, Tensor]

_BATCH = 8  # blocks per forward pass
_TOP, _CLASSES, _REST = "top", "classes", "rest"


class TokenTeacher(Protocol):
    """A frozen decoder that answers for tokens. What it says of a chunk is compared in the chunk."""

    @property
    def live(self) -> TokenTeacher:
        """The same for texts that are not of the training set."""

    def tensors(self, batch: Batch, counted: Tensor) -> tuple[Tensor, ...]:
        """What `compared` needs, `[N, …]` each, for the N tokens where `counted` `[B, L]` is true."""

    def compared(self, student_logits: Tensor, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        """The student's and the teacher's logits over the same classes, `[n, C]` float32 each."""


class LiveTokens:
    """Runs the teacher on every batch; compares over the whole vocabulary, or all of it that the student has.

    Args:
        shared: the tokens of a student that has fewer; None: the student has them all.
    """

    def __init__(self, module: Any, *, autocast: Callable[[], Any], shared: Shared | None = None) -> None:
        self.module, self._autocast, self._shared = module.eval(), autocast, shared

    @property
    def live(self) -> LiveTokens:
        anywhere = self._shared.anywhere if self._shared is not None else None
        return LiveTokens(self.module, autocast=self._autocast, shared=anywhere)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits of the student's tokens, `[…, V]` float32, from the teacher's last hidden states."""
        logits = head_logits(self.module, hidden)
        return logits if self._shared is None else self._shared.among(logits)

    @torch.no_grad()
    def tensors(self, batch: Batch, counted: Tensor) -> tuple[Tensor, ...]:
        inputs = batch.inputs if self._shared is None else self._shared.read(batch.inputs)
        with self._autocast():
            hidden = last_hidden(self.module, inputs)[counted]
        return hidden, *marks(self._shared, batch, counted)

    def compared(self, student_logits: Tensor, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        hidden, *alike = tensors
        with torch.no_grad():
            theirs = self.logits(hidden)
        return only_alike(student_logits, theirs, *alike)


class CachedTokens:
    """Reads the k likeliest tokens and the rest as one mass; both models are compared over these k + 1."""

    def __init__(self, live: LiveTokens, reader: Reader, *, shared: Shared | None = None) -> None:
        self._live, self._reader, self._shared = live, reader, shared

    @property
    def live(self) -> LiveTokens:
        return self._live.live

    def tensors(self, batch: Batch, counted: Tensor) -> tuple[Tensor, ...]:
        places = self._reader.places(torch.tensor(batch.indices), width=counted.shape[1])
        lines = places[counted.cpu()]
        read = (
            self._reader.tokens(name, lines[None])[0].to(counted.device) for name in (_TOP, _CLASSES, _REST)
        )
        return *read, *marks(self._shared, batch, counted)

    def compared(self, student_logits: Tensor, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        top, classes, rest, *alike = tensors
        own = large.coarse(student_logits, classes)
        return only_alike(own, torch.cat((top, rest), dim=-1), *alike)


def marks(shared: Shared | None, batch: Batch, counted: Tensor) -> tuple[Tensor, ...]:
    """Which of the counted tokens are compared, `[N]` bool; nothing where all are."""
    return () if shared is None else (shared.alike(batch.indices, counted),)


def only_alike(student: Tensor, teacher: Tensor, alike: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Both logits `[n, C]`; where `alike` `[n]` is false the teacher's twice: no divergence, no gradient."""
    return (student if alike is None else torch.where(alike[:, None], student, teacher)), teacher


def ask_tokens(
    module: Any,
    rows: Rows,
    *,
    inputs: Callable[[list[int]], Inputs],
    autocast: Callable[[], Any],
    folder: Path,
    key: str,
    limit_bytes: int,
    top_k: int | None,
    title: str,
    shared: Shared | None = None,
) -> LiveTokens | CachedTokens:
    """A teacher that remembers its k likeliest tokens if that is asked for and fits on disk, or a live one.

    Args:
        module: on the device of training; put into evaluation mode here.
        rows: blocks of the teacher's tokens, the same in every epoch.
        inputs: indices → the blocks' inputs, on that device.
        key: of the teacher's tokenizer, see `fingerprint.tokenizer_key`.
        limit_bytes: the most that may be kept.
        top_k: tokens kept of each answer; None: ask for every batch.
        shared: the tokens of a student that has fewer, under whose ids the answers are kept.

    Raises:
        DiskFull: the answers may be kept, and there is no space for them.
        TrainingError: an answer is not finite.
    """
    live = LiveTokens(module, autocast=autocast, shared=shared)
    classes = module.config.vocab_size if shared is None else len(shared.kept)
    if top_k is None or not limit_bytes or top_k >= classes - 1:
        return live
    columns = (
        Column(_TOP, "float32", top_k, True),
        Column(_CLASSES, "int32", top_k, True),
        Column(_REST, "float32", 1, True),
    )
    layout = Layout(columns, np.array([len(row["input_ids"]) for row in rows], dtype=np.int64))
    if layout.size_bytes > limit_bytes:
        progress.say(
            f"{title}: live for each batch, since its answers would take {human(layout.size_bytes)} of disk "
            f"space and {human(limit_bytes)} are allowed."
        )
        return live
    order = by_length(rows, _BATCH)
    if shared is not None:
        key = sha256_json([key, shared.kept.tolist()])
    full = answers_key(module, rows, needs=Needs(), autocast=autocast, top_k=top_k, order=order, key=key)

    def fill() -> None:
        if is_complete(folder, full, layout):
            progress.say(f"{title}: {human(layout.size_bytes)} of answers are there already.")
            return
        writer = Writer(folder, full, layout)
        with progress.bar(title, len(rows), "rows") as bar:
            bar.advance(sum(len(indices) for indices in order[: writer.done]))
            for indices in order[writer.done :]:
                writer.write(indices, _likeliest(live, autocast, inputs(indices), top_k, title))
                bar.advance(len(indices))
        writer.finish({"rows": len(rows), "versions": {"edgekit": __version__}})

    once(folder, fill)
    return CachedTokens(live, Reader(folder, layout), shared=shared)


@torch.no_grad()
def _likeliest(
    live: LiveTokens, autocast: Callable[[], Any], inputs: Inputs, top_k: int, title: str
) -> dict[str, Tensor]:
    """`[B, L, …]` by column."""
    with autocast():
        hidden = last_hidden(live.module, inputs)
        pieces = [large.cut(live.logits(part), top_k) for part in hidden.flatten(0, 1).split(CHUNK)]
    found = [torch.cat(column).unflatten(0, hidden.shape[:2]) for column in zip(*pieces, strict=True)]
    if not all(bool(found[i].isfinite().all()) for i in (0, 2)):
        raise TrainingError(
            f"{title}: an answer is not finite.",
            remedy="Set precision=fp32; if it stays so, the teacher's weights are damaged.",
        )
    return dict(zip((_TOP, _CLASSES, _REST), found, strict=True))
