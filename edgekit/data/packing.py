"""Several texts in one row, kept apart by the attention mask: no padding, and nothing seen across texts.

For models judged token by token. A model that answers for a whole row reads it at its first token, and of a
packed row there is only one.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgekit.batches import pad_rows
from edgekit.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.types import Rows, Signature

LENGTHS = "lengths"  # of a packed row: tokens of each text in it
# config.model_type → whether positions are counted from the padding id onwards, or from 0. Others read the
# mask in ways of their own (DeBERTa multiplies embeddings by it, ModernBERT adds a window to it).
_POSITIONS_AFTER_PADDING = {
    "bert": False,
    "distilbert": False,
    "electra": False,
    "roberta": True,
    "xlm-roberta": True,
    "camembert": True,
    "mpnet": True,
}


def pack(
    rows: Rows, labels: Sequence[Sequence[int] | None], max_length: int
) -> tuple[list[dict[str, Sequence[int]]], list[list[int] | None]]:
    """Rows of several texts each, as few as first-fit-decreasing finds.

    Args:
        rows: unpadded token rows, none longer than `max_length`.
        labels: ids per token of each row; None for a row without labels.
        max_length: tokens of a packed row, at most.

    Returns:
        Packed rows, whose `LENGTHS` are the tokens of each text, and their labels end to end (−100 for a
        text without; None if no text of a packed row has any).
    """
    groups = first_fit_decreasing([len(row["input_ids"]) for row in rows], max_length)
    return [joined([rows[i] for i in group]) for group in groups], [
        joined_labels([labels[i] for i in group], [len(rows[i]["input_ids"]) for i in group])
        for group in groups
    ]


def first_fit_decreasing(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Groups of indices whose lengths sum to at most `capacity` (Johnson, 1973).

    Longest first, each into the first group with room: at most 11/9 of the fewest groups possible.

    Args:
        lengths: each in 1 … `capacity`.
    """
    groups: list[list[int]] = []
    with_room: list[list[int]] = [[] for _ in range(capacity + 1)]  # room left → groups, a heap each
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        length = lengths[index]
        room = min(
            (r for r in range(length, capacity + 1) if with_room[r]),
            key=lambda r: with_room[r][0],
            default=None,
        )
        if room is None:
            groups.append([])
            group, room = len(groups) - 1, capacity
        else:
            group = heapq.heappop(with_room[room])
        groups[group].append(index)
        heapq.heappush(with_room[room - length], group)
    return groups


def joined(rows: Rows) -> dict[str, Sequence[int]]:
    """Texts end to end as one packed row."""
    made: dict[str, Sequence[int]] = {name: [x for row in rows for x in row[name]] for name in rows[0]}
    return {**made, LENGTHS: [len(row["input_ids"]) for row in rows]}


def joined_labels(labels: Sequence[Sequence[int] | None], lengths: Sequence[int]) -> list[int] | None:
    """Their labels end to end, −100 for a text without; None if none has any."""
    from edgekit.scores import IGNORED

    if all(label is None for label in labels):
        return None
    filled = [[IGNORED] * n if label is None else label for label, n in zip(labels, lengths, strict=True)]
    return [x for label in filled for x in label]


def packed_inputs(
    rows: Sequence[Mapping[str, Sequence[int]]], signature: Signature, *, pad_id: int, config: Any
) -> dict[str, Tensor]:
    """Packed rows as inputs of a transformers encoder.

    Args:
        rows: as `pack` makes them.
        signature: names the inputs.
        pad_id: token id of padding.
        config: the model's; says how it counts positions.

    Returns:
        The signature's inputs `[B, L]` int64, except `attention_mask` `[B, 1, L, L]` float32: 0 where query
        and key belong to one text, the lowest finite number elsewhere (a padded position is cut off from
        itself, too: the diagonal tells real tokens); and `position_ids` `[B, L]`, restarting with each text.

    Raises:
        ModelError: this architecture can't keep packed texts apart.
    """
    import numpy as np
    import torch

    if config.model_type not in _POSITIONS_AFTER_PADDING:
        raise ModelError(
            f"The architecture {config.model_type!r} can't keep packed texts apart by a mask.",
            remedy=f"Set packing: false, or use one of {', '.join(_POSITIONS_AFTER_PADDING)}.",
        )
    made = {name: torch.from_numpy(array) for name, array in pad_rows(rows, signature, pad_id=pad_id).items()}
    text = np.zeros(made["input_ids"].shape, dtype=np.int64)  # 1, 2, … by text; 0 is padding
    first = pad_id + 1 if _POSITIONS_AFTER_PADDING[config.model_type] else 0
    positions = np.full_like(text, pad_id if first else 0)
    for i, row in enumerate(rows):
        lengths = row[LENGTHS]
        text[i, : sum(lengths)] = np.repeat(np.arange(len(lengths)) + 1, lengths)
        positions[i, : sum(lengths)] = np.concatenate([np.arange(first, first + n) for n in lengths])
    of = torch.from_numpy(text)
    together = (of[:, :, None] == of[:, None, :]) & (of[:, :, None] > 0)
    apart = torch.finfo(torch.float32).min
    made["attention_mask"] = torch.zeros(together.shape).masked_fill_(~together, apart)[:, None]
    made["position_ids"] = torch.from_numpy(positions)
    return made
