"""Masked-language-model corruption as BERT has it (Devlin et al., 2019, §3.1)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.scores import IGNORED

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from edgekit.distill.knowledge import Batch
    from edgekit.types import Rows

_HIDDEN, _REPLACED = 0.8, 0.1  # of the chosen tokens; the others stay as they are


def mask_rows(
    rows: Rows, indices: Iterable[int], *, seed: int, epoch: int, share: float, processor: Any
) -> tuple[list[Mapping[str, Sequence[int]]], list[list[int]]]:
    """Chosen rows with some tokens hidden, and what these were.

    Of each row `share` of the tokens is chosen, rounded, at least one. Of these 80 % become the mask token,
    10 % a token drawn from the vocabulary and 10 % stay. Special tokens and unknown ones are neither chosen
    nor drawn. What happens to a row is a function of (seed, epoch, its index, its tokens) alone: another
    order or batch size, or a resumed run, sees the same.

    Args:
        rows: all rows, unpadded.
        indices: which of them.
        seed: of the run, ≥ 0.
        epoch: 0-based.
        share: of the tokens that are chosen, 0–1.
        processor: the rows' tokenizer.

    Returns:
        Rows in the order of `indices`, and for each the token ids to predict: −100 where nothing was chosen,
        which is everywhere in a row of special tokens only.

    Raises:
        ModelError: the tokenizer has no mask token.
    """
    import numpy as np

    if processor.mask_token_id is None:
        raise ModelError(
            "This tokenizer has no mask token, so nothing can be masked.",
            remedy="Use a teacher made for masked language modelling, such as BERT.",
        )
    special = np.array(sorted(set(processor.all_special_ids)))
    vocabulary = len(processor)
    made: list[Mapping[str, Sequence[int]]] = []
    labels: list[list[int]] = []
    for index in indices:
        random = np.random.Generator(np.random.PCG64([seed, epoch, index]))
        tokens = rows[index]["input_ids"]
        ids, truth = _mask(tokens, random, share, special, vocabulary, processor.mask_token_id)
        made.append({**rows[index], "input_ids": ids})
        labels.append(truth)
    return made, labels


def _mask(
    tokens: Sequence[int],
    random: np.random.Generator,
    share: float,
    special: np.ndarray,
    vocabulary: int,
    mask_id: int,
) -> tuple[list[int], list[int]]:
    import numpy as np

    ids = np.array(tokens)
    truth = np.full_like(ids, IGNORED)
    places = np.flatnonzero(~np.isin(ids, special))
    if len(places):
        chosen = random.permutation(places)[: max(1, round(share * len(places)))]
        truth[chosen] = ids[chosen]
        lot = random.random(len(chosen))
        drawn = random.integers(vocabulary - len(special), size=len(chosen))
        for token in special:  # ascending: the n-th ordinary token is n, moved past each special one below
            drawn += drawn >= token
        ids[chosen] = np.where(
            lot < _HIDDEN, mask_id, np.where(lot < _HIDDEN + _REPLACED, drawn, ids[chosen])
        )
    return ids.tolist(), truth.tolist()


@contextlib.contextmanager
def scored_where_masked(distiller: Any, *modules: Any) -> Iterator[None]:
    """While `distiller` reads a batch, `modules` compute logits for masked tokens only.

    The distiller then sees labels `[M]` and logits `[M, V]` instead of `[B, L]` and `[B, L, V]`, M being the
    masked tokens of the batch. Losses of a masked language model look nowhere else, and in a small one the
    product with the vocabulary costs more than all layers together. Outside the distiller's forward pass
    nothing changes.

    Args:
        modules: transformers modules with an output layer over tokens, called with the batch's own rows.
    """
    masked: list[Tensor] = []

    def begin(_: Any, inputs: tuple[Batch]) -> tuple[Batch]:
        [batch] = inputs
        assert batch.labels is not None
        masked[:] = [batch.labels != IGNORED]
        return (replace(batch, labels=batch.labels[masked[0]]),)

    def end(*_: Any) -> None:
        masked.clear()

    def choose(_: Any, inputs: tuple[Tensor]) -> Any:
        return (inputs[0][masked[0]],) if masked else None

    with contextlib.ExitStack() as stack:
        stack.callback(distiller.register_forward_pre_hook(begin).remove)
        stack.callback(distiller.register_forward_hook(end, always_call=True).remove)
        for module in modules:
            head = module.get_output_embeddings()
            stack.callback(head.register_forward_pre_hook(choose).remove)
        yield
