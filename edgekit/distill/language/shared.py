"""A student with fewer tokens than its teacher: what both can say of the next token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


class Shared:
    """The tokens that a student kept, and where its texts are read as its teacher reads them.

    The teacher reads the student's own tokens, which are all among its own, and is asked for the next token
    given that it is one of these: p(t) / Σ p(kept). A student that lost nothing but tokens says exactly that.
    Where the student writes a token that it lacks as several, the teacher, who would not, has nothing to say.

    Args:
        kept: student token id → teacher token id.
        alike: of each row, whether the token that follows each is one that the teacher reads there, too;
            None: all are.
        theirs: of each row, how many of the teacher's tokens end in the token that follows each; None: one.
    """

    def __init__(
        self,
        kept: Sequence[int],
        *,
        alike: Sequence[Sequence[int]] | None = None,
        theirs: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.kept = torch.tensor(kept)
        self._alike = None if alike is None else _padded(alike)
        self._theirs = None if theirs is None else _padded(theirs)

    @property
    def anywhere(self) -> Shared:
        """The same for texts that are not of the rows."""
        made = Shared(())
        made.kept = self.kept
        return made

    def read(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The student's inputs as the teacher's."""
        ids = inputs["input_ids"]
        return {**inputs, "input_ids": self.kept.to(ids.device)[ids]}

    def among(self, logits: Tensor) -> Tensor:
        """The teacher's logits `[…, V]` → those of the student's tokens `[…, V′]`."""
        return logits.index_select(-1, self.kept.to(logits.device))

    def alike(self, indices: Sequence[int], counted: Tensor) -> Tensor:
        """Of the N tokens of these rows where `counted` `[B, L]` is true, which to compare: `[N]` bool."""
        return _chosen(self._alike, indices, counted).bool()

    def theirs(self, indices: Sequence[int], counted: Tensor) -> Tensor:
        """And how many of the teacher's tokens each stands for: `[N]` int32."""
        return _chosen(self._theirs, indices, counted)


def _padded(rows: Sequence[Sequence[int]]) -> Tensor:
    table = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.int32)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = torch.tensor(row)
    return table


def _chosen(table: Tensor | None, indices: Sequence[int], counted: Tensor) -> Tensor:
    if table is None:
        return torch.ones(int(counted.sum()), dtype=torch.int32, device=counted.device)
    return table[list(indices), : counted.shape[1]].to(counted.device)[counted]
