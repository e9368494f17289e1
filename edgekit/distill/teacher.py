"""What a frozen teacher says about each row: asked once and kept on disk, or asked again for each batch.

Its answer to a row never changes, so one pass serves all epochs, and every later run with the same bytes. The
pass has an order of its own, fixed by row lengths: a resumed run gets the same numbers, bit for bit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edgekit import __version__, progress
from edgekit.batches import by_length, length_of
from edgekit.distill import top_k as large
from edgekit.distill.cache import Column, Layout, Reader, Writer, is_complete
from edgekit.distill.fingerprint import answers_key
from edgekit.distill.knowledge import Batch, Needs, Seen, mask_of
from edgekit.errors import TrainingError
from edgekit.files import human

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.types import Rows

    Inputs = Mapping[str, Tensor]

MEMORY_BYTES = 4_000_000_000
_BATCH = 64  # rows per forward pass
_PARTS = ("queries", "keys", "values")


class Teacher(Protocol):
    """A frozen model that answers for rows of the training set. It keeps its own tokens for them."""

    needs: Needs
    module: Any

    def __call__(self, batch: Batch) -> Seen:
        """Answers for `batch.indices`: float32, without gradient, on the batch's device.

        What belongs to tokens is padded to the batch's length, or to the longest row's by the teacher's own
        tokenizer if that is longer; zeros beyond a row.
        """

    def live(self, inputs: Inputs) -> Seen:
        """Answers for any inputs, from the module itself."""


def ask(
    module: Any,
    rows: Rows,
    *,
    collate: Callable[[Sequence[int]], Inputs] | None,
    needs: Needs,
    autocast: Callable[[], Any],
    folder: Path,
    key: str,
    limit_bytes: int,
    top_k: int | None = None,
    title: str = "Ask the teacher",
    memory_bytes: int = MEMORY_BYTES,
) -> Teacher:
    """A teacher that remembers if its answers fit on disk, and one that is asked each time if not.

    Attention maps are never kept: they grow with the square of the length. 12 heads at 128 tokens are 1,536
    numbers a token and layer, several times a hidden state.

    Args:
        module: transformers model on the device of training; put into evaluation mode here.
        rows: the training rows in the teacher's own tokens.
        collate: indices → padded inputs on that device; None: the batch's own inputs are the teacher's, and
            may differ in every epoch (masked, packed), so nothing is kept.
        autocast: the arithmetic of training, as a context.
        folder: of this teacher alone; answers of another key in it are deleted.
        key: of the teacher's tokenizer, see `fingerprint.tokenizer_key`; all else that the answers depend on
            (bytes of weights and rows, arithmetic, versions) is found here.
        limit_bytes: the most that may be kept; 0 keeps nothing.
        top_k: keep this many logits and the rest as one mass, for outputs that are one distribution.
        memory_bytes: answers up to this size are held on an accelerator; on a CPU the page cache does that.

    Raises:
        DiskFull: the answers may be kept, and there is no space for them.
        TrainingError: an answer is not finite.
    """
    live = LiveTeacher(module, needs, autocast=autocast, collate=collate)
    if collate is None or not limit_bytes or not rows:
        return live
    if needs.attentions:
        progress.say(f"{title}: live for each batch, since attention maps are too large to keep.")
        return live
    if _sharded(module):
        progress.say(f"{title}: live for each batch, since its weights are spread over processes.")
        return live
    shortest = min(range(len(rows)), key=lambda i: length_of(rows[i]))
    layout, classes = _layout(live.live(collate([shortest])), rows, top_k)
    if layout.size_bytes > limit_bytes:
        progress.say(
            f"{title}: live for each batch, since its answers would take {human(layout.size_bytes)} of disk "
            f"space and {human(limit_bytes)} are allowed."
        )
        return live
    batches = by_length(rows, _BATCH)
    full_key = answers_key(module, rows, needs=needs, autocast=autocast, top_k=top_k, order=batches, key=key)

    def fill() -> None:
        if is_complete(folder, full_key, layout):
            progress.say(f"{title}: {human(layout.size_bytes)} of answers are there already.")
            return
        progress.say(
            f"{title}: keeping {human(layout.size_bytes)} of answers for {len(rows):,} rows in {folder}."
        )
        _fill(live, batches, Writer(folder, full_key, layout), collate=collate, title=title, top_k=top_k)

    once(folder, fill)
    device = next(module.parameters()).device
    held = device if device.type != "cpu" and layout.size_bytes <= memory_bytes else None
    return CachedTeacher(live, Reader(folder, layout, device=held), layout, classes=classes)


class LiveTeacher:
    """Asks its module for every batch."""

    def __init__(
        self,
        module: Any,
        needs: Needs,
        *,
        autocast: Callable[[], Any],
        collate: Callable[[Sequence[int]], Inputs] | None = None,
    ) -> None:
        self.module, self.needs = module.eval(), needs
        self._autocast, self._collate = autocast, collate

    def __call__(self, batch: Batch) -> Seen:
        if self._collate is None:
            return self.live(batch.inputs)
        return _widened(self.live(self._collate(batch.indices)), batch.mask.shape[-1])

    def live(self, inputs: Inputs) -> Seen:
        import torch

        from edgekit.distill.see import see

        with torch.no_grad(), self._autocast():
            seen = see(self.module, inputs, self.needs)
        return _blanked(seen, mask_of(inputs))


class CachedTeacher:
    """Reads its answers from a cache."""

    def __init__(self, live: LiveTeacher, reader: Reader, layout: Layout, *, classes: int) -> None:
        self.module, self.needs, self.live = live.module, live.needs, live.live
        self._reader, self._columns, self._classes = reader, layout.columns, classes

    def __call__(self, batch: Batch) -> Seen:
        import torch

        indices = torch.tensor(batch.indices)
        places = self._reader.places(indices, width=batch.mask.shape[-1])
        device = batch.mask.device
        got = {
            c.name: _moved(
                self._reader.tokens(c.name, places) if c.per_token else self._reader.rows(c.name, indices),
                device,
            )
            for c in self._columns
        }
        if "rest" in got:
            logits = large.restore(got["top"], got["classes"], got["rest"], count=self._classes)
            if logits.dim() == 3:
                logits = logits.masked_fill((places == self._reader.nothing).to(device)[..., None], 0.0)
        else:
            logits = got["logits"]
        return Seen(
            logits,
            hidden={n: got[f"hidden-{n}"].float() for n in self.needs.hidden},
            relations={
                n: tuple(got[f"{part}-{n}"].float() for part in _PARTS)  # type: ignore[misc]
                for n in self.needs.relations
            },
        )


def _layout(seen: Seen, rows: Rows, top_k: int | None) -> tuple[Layout, int]:
    """The columns for answers like `seen`, and the classes of a full answer."""
    import numpy as np

    classes = seen.logits.shape[-1]
    columns = tuple(
        Column(name, dtype, answer.shape[-1], answer.dim() == 3)
        for name, (answer, dtype) in _answers(seen, top_k).items()
    )
    lengths = np.array([length_of(row) for row in rows], dtype=np.int64)
    return Layout(columns, lengths), classes


def _answers(seen: Seen, top_k: int | None) -> dict[str, tuple[Tensor, str]]:
    """Column → numbers and the type to keep them in."""
    if top_k is not None and top_k < seen.logits.shape[-1] - 1:
        top, classes, rest = large.cut(seen.logits, top_k)
        found = {"top": (top, "float32"), "classes": (classes, "int32"), "rest": (rest, "float32")}
    else:
        found = {"logits": (seen.logits, "float32")}
    # bf16 halves the space; the losses that read states average over thousands of tokens.
    found |= {f"hidden-{n}": (state, "bfloat16") for n, state in seen.hidden.items()}
    for n, three in seen.relations.items():
        found |= {f"{part}-{n}": (one, "bfloat16") for part, one in zip(_PARTS, three, strict=True)}
    return found


def _fill(
    live: LiveTeacher,
    batches: Sequence[Sequence[int]],
    writer: Writer,
    *,
    collate: Callable[[Sequence[int]], Inputs],
    title: str,
    top_k: int | None,
) -> None:
    rows = sum(len(indices) for indices in batches)
    with progress.bar(title, rows, "rows") as bar:
        bar.advance(sum(len(indices) for indices in batches[: writer.done]))
        for indices in batches[writer.done :]:
            seen = live.live(collate(indices))
            _check_finite(seen, indices, title)
            writer.write(indices, {name: answer for name, (answer, _) in _answers(seen, top_k).items()})
            bar.advance(len(indices))
    writer.finish({"rows": rows, "versions": {"edgekit": __version__}})


def _check_finite(seen: Seen, indices: Sequence[int], title: str) -> None:
    good = seen.logits.isfinite().flatten(1).all(1)
    if not good.all():
        row = next(i for i, fine in zip(indices, good.tolist(), strict=True) if not fine)
        raise TrainingError(
            f"{title}: the answer to training row {row} is not finite.",
            remedy="Set precision=fp32; if it stays so, the teacher's weights are damaged.",
        )


def once(folder: Path, fill: Callable[[], None]) -> None:
    """Fills a folder in one process while the others wait, and not in a collective: those time out."""
    import torch
    from filelock import FileLock

    together = torch.distributed.is_available() and torch.distributed.is_initialized()
    main = not together or torch.distributed.get_rank() == 0
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    with contextlib.ExitStack() as stack:
        if main:
            stack.enter_context(lock)  # the one that shows progress goes first
        if together:
            torch.distributed.barrier()
        stack.enter_context(lock)
        fill()


def _sharded(module: Any) -> bool:
    """Whether all processes must call this module together (FSDP)."""
    import torch

    if not torch.distributed.is_available():
        return False
    from torch.distributed.fsdp import FullyShardedDataParallel
    from torch.distributed.tensor import DTensor

    return any(isinstance(p, DTensor) for p in module.parameters()) or any(
        isinstance(m, FullyShardedDataParallel) for m in module.modules()
    )


def _tokenwise(seen: Seen, change: Callable[[Tensor], Tensor]) -> Seen:
    """The same answers with a change to all that is `[B, L, …]`."""
    return Seen(
        change(seen.logits) if seen.logits.dim() == 3 else seen.logits,
        hidden={n: change(state) for n, state in seen.hidden.items()},
        attentions=seen.attentions,
        relations={n: tuple(change(one) for one in three) for n, three in seen.relations.items()},  # type: ignore[misc]
    )


def _blanked(seen: Seen, mask: Tensor) -> Seen:
    if mask.dim() != 2:
        return seen  # packed rows say themselves what is padding
    return _tokenwise(seen, lambda answer: answer.masked_fill(mask[..., None] == 0, 0.0))


def _widened(seen: Seen, width: int) -> Seen:
    from torch.nn.functional import pad

    return _tokenwise(seen, lambda answer: pad(answer, (0, 0, 0, max(0, width - answer.shape[1]))))


def _moved(answer: Tensor, device: Any) -> Tensor:
    if device.type == "cuda" and answer.device.type == "cpu":
        return answer.pin_memory().to(device, non_blocking=True)
    return answer.to(device)
