"""A transformers decoder as its two halves: everything up to the last hidden states, and the head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from edgekit.errors import ModelError


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
def check_apart(module: Any) -> None:
    """Runs two documents in one row, and the second one by itself, and compares.

    Raises:
        ModelError: the architecture lets documents of a row see each other (Falcon).
    """
    device = next(module.parameters()).device
    rows = torch.arange(1, 13, device=device)[None] % module.config.vocab_size
    places = torch.cat([torch.arange(7), torch.arange(5)])[None].to(device)
    training = module.training
    module.eval()
    try:
        together = last_hidden(module, {"input_ids": rows, "position_ids": places})[:, 7:]
        alone = last_hidden(module, {"input_ids": rows[:, 7:], "position_ids": places[:, 7:]})
    finally:
        module.train(training)
    if not torch.allclose(together, alone, rtol=1e-2, atol=1e-2 * float(alone.abs().max())):
        raise ModelError(
            f"A {module.config.model_type} decoder does not keep documents of one row apart by their "
            "positions.",
            remedy="Distil a decoder of another family; Falcon can still be exported and generated with.",
        )
