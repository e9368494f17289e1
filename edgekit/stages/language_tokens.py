"""A student with fewer tokens than its teacher: which blocks the teacher reads, and what both can compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from edgekit.data.segments import Segments, of_next_tokens
from edgekit.errors import ModelError
from edgekit.stages.context import identity
from edgekit.types import Model, Rows

if TYPE_CHECKING:
    from edgekit.distill.language.shared import Shared


def kept_tokens_of(teacher: Model, student: Model) -> tuple[int, ...] | None:
    """Student token id → teacher token id; None where both have the same tokens.

    Raises:
        ModelError: the student's tokenizer is not the teacher's, nor cut from it.
    """
    from edgekit.models.students.vocabulary import kept_tokens

    sizes = [one.module.config.vocab_size for one in (teacher, student)]
    if sizes[0] == sizes[1] and identity(teacher.processor) == identity(student.processor):
        return None
    kept = kept_tokens(teacher.processor, student.processor)
    if kept is None or len(kept) != sizes[1]:
        raise ModelError(
            f"{student.name} and its teacher {teacher.name} have different tokenizers: their next tokens "
            "can't be compared.",
            remedy="Cut the student from its teacher: leave student.model out.",
        )
    return kept


def in_common(kept: Sequence[int], blocks: Rows, told: Iterable[Segments]) -> tuple[Rows, Shared]:
    """The student's blocks in the teacher's ids, and what of them is compared.

    Args:
        kept: student token id → teacher token id.
        blocks: of the student's tokens.
        told: `data.segments.segments` of the documents in them, in order.
    """
    from edgekit.distill.language.shared import Shared

    asked = [{**block, "input_ids": [kept[i] for i in block["input_ids"]]} for block in blocks]
    alike, theirs = of_next_tokens(blocks, told)
    return asked, Shared(kept, alike=alike, theirs=theirs)


def spelled(
    documents: Sequence[Sequence[int]], teacher: Model, student: Model
) -> Iterator[tuple[list[int], Segments]]:
    """What the teacher wrote in the student's tokens, each document with what `segments` would tell of it."""
    from edgekit.models.students.vocabulary import spelling

    write = spelling(teacher.processor, student.processor)
    for document in documents:
        parts = [write(token) for token in document]
        alike = [len(part) == 1 for part in parts for _ in part]
        theirs = [int(i == len(part) - 1) for part in parts for i in range(len(part))]
        yield [token for part in parts for token in part], (alike, theirs)
