"""Texts that the student writes itself, for its teacher to correct (on-policy; Agarwal et al., 2024)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from edgekit.scores import IGNORED

if TYPE_CHECKING:
    from edgekit.distill.knowledge import Batch
    from edgekit.recipe.schema import OnPolicy


@torch.no_grad()
def written(student: Any, batch: Batch, config: OnPolicy) -> Batch:
    """The batch with each row's first document begun as it was and gone on with by the student.

    Sampled at temperature 1 from all tokens, as the divergence that follows is that of these distributions.
    The gradient does not flow through the choice of tokens.

    Args:
        student: a transformers `…ForCausalLM`; left in the mode that it was in.
        batch: `input_ids` and `position_ids` `[B, L]`; positions say where the second document begins.

    Returns:
        Rows `[B, P + N]` whose labels count where a token of the student's is predicted, up to its
        end-of-text token. P is the same in every row: the shortest beginning.
    """
    positions = batch.inputs["position_ids"]
    ends = (positions[:, 1:] == 0).int()
    first = torch.where(ends.any(1), ends.argmax(1) + 1, positions.shape[1])
    prompt = int(first.min().clamp(max=config.prompt_tokens))
    begun = batch.inputs["input_ids"][:, :prompt]
    stops = stop_tokens(student).to(begun.device)
    ids = continued(student, begun, new_tokens=config.new_tokens)
    ended = torch.isin(ids[:, prompt:], stops).int().cumsum(1)
    after_end = ended - torch.isin(ids[:, prompt:], stops).int() > 0
    labels = torch.full_like(ids, IGNORED)
    labels[:, prompt - 1 : -1] = ids[:, prompt:].masked_fill(after_end, IGNORED)
    places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    return replace(batch, inputs={"input_ids": ids, "position_ids": places}, labels=labels)


@torch.no_grad()
def continued(module: Any, begun: Tensor, *, new_tokens: int, temperature: float = 1.0) -> Tensor:
    """Samples from all tokens until the end-of-text token, which then also fills the row.

    Args:
        module: a transformers `…ForCausalLM`; left in the mode that it was in.
        begun: `[B, P]` int64, without padding.
        new_tokens: at most.

    Returns:
        `[B, P + N]`.
    """
    training = module.training
    module.eval()
    try:
        ids: Tensor = module.generate(
            begun,
            attention_mask=torch.ones_like(begun),
            max_new_tokens=new_tokens,
            do_sample=True,
            temperature=temperature,
            top_k=0,
            top_p=1.0,
            pad_token_id=int(stop_tokens(module)[0]),
        )
    finally:
        module.train(training)
    return ids


def stop_tokens(module: Any) -> Tensor:
    """The tokens that end a text, `[S]` int64."""
    end = module.config.eos_token_id
    return torch.tensor(end if isinstance(end, list) else [end])
