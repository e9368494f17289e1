"""The export-ready decoder says what transformers' Llama says, with its cache and without."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from edgekit.errors import ExportError
from edgekit.models.families import decoder
from edgekit.models.families.blocks import MASKED

SIZES = {
    "vocab_size": 99,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 5e5,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
CONFIGS = {
    "tied": {"tie_word_embeddings": True},
    "untied-biases-wide-heads": {"attention_bias": True, "mlp_bias": True, "head_dim": 24},
    "multi-query": {"num_key_value_heads": 1},
    "llama3-angles": {"rope_parameters": LLAMA3},
}


def llama(**changes) -> LlamaForCausalLM:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**{**SIZES, **changes})).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


@pytest.mark.parametrize("name", CONFIGS)
def test_logits_equal_transformers_at_once_and_token_by_token(name: str) -> None:
    model = llama(**CONFIGS[name])
    twin = decoder.build(model.config, model.state_dict(), 32)
    ids = torch.randint(0, 99, (1, 20))
    with torch.no_grad():
        expected = model(ids).logits
        assert torch.allclose(twin(ids, decoder.causal_mask(20, 0)), expected, atol=1e-5)
        twin.forget()
        steps = [twin(ids[:, :7], decoder.causal_mask(7, 0))]
        steps += [twin(ids[:, i : i + 1], decoder.causal_mask(1, i)) for i in range(7, 20)]
    assert torch.allclose(torch.cat(steps, dim=1), expected, atol=1e-5)


def test_a_tied_head_is_stored_once() -> None:
    model = llama(tie_word_embeddings=True)
    twin = decoder.build(model.config, model.state_dict(), 32)
    assert twin.lm_head.weight is twin.embed_tokens.weight
    assert sum(p.numel() for p in twin.parameters()) == sum(p.numel() for p in model.parameters())


def test_the_mask_hides_what_comes_later() -> None:
    expected = torch.tensor([[[[0, 0, 0, MASKED], [0, 0, 0, 0]]]])
    assert torch.equal(decoder.causal_mask(2, 2), expected)


def test_norm_survives_what_half_precision_does_not() -> None:
    """A residual of 28,500, as SmolLM2 has it: its square is 8e8, fp16 ends at 65,504."""
    x = torch.zeros(1, 64).index_fill_(1, torch.tensor([3]), 28_500.0)
    norm = decoder.RMSNorm(64, 1e-5)
    exact = x.double() / (x.double().square().mean() + 1e-5).sqrt()
    assert torch.allclose(norm(x).double(), exact, atol=1e-5)
    assert torch.isinf(x.half().square()).any()


def test_what_cannot_be_expressed_is_refused() -> None:
    model = llama()
    with pytest.raises(ExportError, match="rope_type is 'dynamic'"):
        angles = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
        config = LlamaConfig(**SIZES, rope_parameters=angles)
        decoder.build(config, model.state_dict(), 32)
    with pytest.raises(ExportError, match="context of 129 tokens does not fit"):
        decoder.build(model.config, model.state_dict(), 129)
    with pytest.raises(ExportError, match="do not fit its export module"):
        decoder.build(model.config, {**model.state_dict(), "model.layers.0.more": torch.ones(1)}, 32)
