"""A transformers decoder as its two halves: everything up to the last hidden states, and the head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from edgekit.errors import ModelError

APART = 0.02  # bf16 rounds to 1/256; what another document does is of the order of 1


def last_hidden(module: Any, inputs: Mapping[str, Tensor]) -> Tensor:
    """What a decoder's head reads, `[B, L, D]`; documents see nothing of each other.

    Args:
        module: a transformers `…ForCausalLM`.
        inputs: `input_ids` and `position_ids`, `[B, L]` int64. Where positions begin anew, transformers lets
            no token see those before, whatever the family's window; see `check_apart`.
    """
    hidden: Tensor = module.base_model(**inputs, use_cache=False).last_hidden_state
    return hidden


def head_logits(module: Any, hidden: Tensor) -> Tensor:
    """Logits `[…, V]` float32 of last hidden states `[…, D]`, capped where the family does (Gemma)."""
    logits: Tensor = module.get_output_embeddings()(hidden).float()
    cap = getattr(module.config, "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.tanh(logits / cap)


@torch.no_grad()
def packed_difference(module: Any) -> float:
    """How far a document's logits behind another one, in one row, are from those of the document alone.

    Args:
        module: a transformers `…ForCausalLM`, perhaps with adapters.

    Returns:
        The largest difference, as a share of the largest logit; of the order of 1 where documents are mixed.
    """
    device, most = next(module.parameters()).device, module.config.get_text_config().vocab_size - 1
    texts = [torch.arange(n, device=device)[None] % most + 1 for n in (7, 5)]
    places = [torch.arange(text.shape[1], device=device)[None] for text in texts]
    training = module.training
    module.eval()
    try:
        alone = module(input_ids=texts[1], use_cache=False).logits
        packed = module(
            input_ids=torch.cat(texts, 1), position_ids=torch.cat(places, 1), use_cache=False
        ).logits[:, 7:]
    finally:
        module.train(training)
    return float((alone - packed).abs().max() / alone.abs().max().clamp(min=1e-6))


def check_apart(module: Any) -> None:
    """Tries whether documents of one row are as good as alone.

    Raises:
        ModelError: the architecture lets them see each other (Falcon).
    """
    if not packed_difference(module) < APART:
        raise ModelError(
            f"A {module.config.model_type} decoder does not keep documents of one row apart by their "
            "positions.",
            remedy="Distil a decoder of another family; Falcon can still be exported and generated with.",
        )
