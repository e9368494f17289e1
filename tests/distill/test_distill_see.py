"""One look at real architectures: what is shown is what the model computed, and nothing stays behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from edgekit.distill.knowledge import Needs
from edgekit.distill.see import ModelShape, see, shape_of
from edgekit.errors import TrainingError

LAYERS, WIDTH, HEADS = 3, 16, 2
SMALL: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
    "num_labels": 3,
    "pad_token_id": 0,
    "attn_implementation": "eager",
}
FAMILIES: dict[str, tuple[type, dict[str, Any]]] = {
    "bert": (transformers.BertConfig, {}),
    "mpnet": (transformers.MPNetConfig, {"pad_token_id": 1}),
    "distilbert": (transformers.DistilBertConfig, {}),
    "roberta": (transformers.RobertaConfig, {"pad_token_id": 1}),
    "electra": (transformers.ElectraConfig, {"embedding_size": 8}),
    "albert": (transformers.AlbertConfig, {"embedding_size": 8}),
    "modernbert": (
        transformers.ModernBertConfig,
        {"local_attention": 4, "global_attn_every_n_layers": 2, "bos_token_id": 1, "eos_token_id": 2,
         "cls_token_id": 1, "sep_token_id": 2},
    ),
    "deberta-v2": (
        transformers.DebertaV2Config,
        # As DeBERTa-v3 has it: positions pass through the query and key projections too.
        {"relative_attention": True, "share_att_key": True, "pos_att_type": ["p2c", "c2p"],
         "position_buckets": 4, "max_relative_positions": -1},
    ),
}  # fmt: skip
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
IDS = torch.tensor([[3, 5, 7, 9, 11, 4], [3, 6, 8, 4, 0, 0]])
ALL = Needs(
    hidden=frozenset(range(LAYERS + 1)),
    attentions=frozenset(range(1, LAYERS + 1)),
    relations=frozenset(range(1, LAYERS + 1)),
)


def make(family: str) -> Any:
    kind, extra = FAMILIES[family]
    config = kind(**{**SMALL, **extra})
    torch.manual_seed(0)
    return transformers.AutoModelForSequenceClassification.from_config(
        config, attn_implementation="eager"
    ).eval()


def inputs_of(module: Any) -> dict[str, torch.Tensor]:
    return {"input_ids": IDS.masked_fill(MASK == 0, module.config.pad_token_id), "attention_mask": MASK}


def hooks(module: Any) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_shows_all_its_layers(family: str) -> None:
    module = make(family)
    inputs = inputs_of(module)
    seen = see(module, inputs, ALL)
    with torch.no_grad():
        plain = module(**inputs, output_hidden_states=True, output_attentions=True)
    assert torch.allclose(seen.logits, plain.logits, atol=1e-6)
    assert seen.hidden.keys() == ALL.hidden
    assert seen.attentions.keys() == seen.relations.keys() == ALL.relations
    for layer, hidden in seen.hidden.items():
        assert torch.allclose(hidden, plain.hidden_states[layer], atol=1e-6)
    for layer, maps in seen.attentions.items():
        assert maps.shape == (2, HEADS, 6, 6)
        assert torch.allclose(maps, plain.attentions[layer - 1], atol=1e-6)
        assert torch.allclose(maps[0].sum(-1), torch.ones(HEADS, 6), atol=1e-5)
        assert maps[1, :, :4, 4:].abs().max() < 1e-6, "padding is looked at"
    for parts in seen.relations.values():
        assert [p.shape for p in parts] == [(2, 6, WIDTH)] * 3
    assert shape_of(module, classes=3) == ModelShape(LAYERS, WIDTH, HEADS, 3, attention_width=WIDTH)


@pytest.mark.parametrize("family", ["bert", "mpnet", "distilbert", "roberta", "electra", "albert"])
def test_queries_and_keys_are_those_that_make_the_attention(family: str) -> None:
    seen = see(make(family), inputs_of(make(family)), ALL)
    bias = 0.0
    if family == "mpnet":
        module = make(family)
        bias = module.mpnet.encoder.compute_position_bias(torch.zeros(2, 6, WIDTH))
    for layer, (q, k, _) in seen.relations.items():
        q, k = (x.view(2, 6, HEADS, WIDTH // HEADS).transpose(1, 2) for x in (q, k))
        scores = q @ k.transpose(2, 3) / (WIDTH // HEADS) ** 0.5 + bias
        maps = torch.softmax(scores.masked_fill(MASK[:, None, None, :] == 0, -1e9), -1)
        assert torch.allclose(maps, seen.attentions[layer], atol=1e-5)


def test_projections_of_modernbert_and_deberta_are_those_of_the_layer() -> None:
    modern = make("modernbert")
    seen = see(modern, inputs_of(modern), ALL)
    # The first layer has no norm before its attention.
    q, k, v = modern.model.layers[0].attn.Wqkv(seen.hidden[0]).view(2, 6, 3, WIDTH).unbind(2)
    for mine, theirs in zip(seen.relations[1], (q, k, v), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)
    deberta = make("deberta-v2")
    seen = see(deberta, inputs_of(deberta), ALL)
    for layer in range(1, LAYERS + 1):
        own = deberta.deberta.encoder.layer[layer - 1].attention.self
        for mine, name in zip(seen.relations[layer], ("query_proj", "key_proj", "value_proj"), strict=True):
            assert torch.allclose(mine, getattr(own, name)(seen.hidden[layer - 1]), atol=1e-5)


def test_only_what_is_needed_is_kept_and_hooks_are_gone() -> None:
    module = make("bert")
    module(**inputs_of(module), output_hidden_states=True, output_attentions=True)
    before = hooks(module)  # transformers leaves some of its own
    nothing = see(module, inputs_of(module), Needs())
    assert not nothing.hidden and not nothing.attentions and not nothing.relations
    some = see(module, inputs_of(module), Needs(hidden=frozenset({2}), relations=frozenset({3})))
    assert list(some.hidden) == [2] and list(some.relations) == [3] and not some.attentions
    assert hooks(module) == before
    with pytest.raises(ValueError, match="input_ids"):
        see(module, {"no_such_input": IDS}, Needs(relations=frozenset({1})))
    assert hooks(module) == before, "hooks are removed when the model fails, too"


def test_gradients_flow_through_everything_seen() -> None:
    for part in ("hidden", "attentions", "relations"):
        module = make("bert")
        seen = see(module, inputs_of(module), Needs(**{part: frozenset({2})}))
        shown = getattr(seen, part)[2]
        (sum(p.square().sum() for p in shown) if part == "relations" else shown.square().sum()).backward()
        assert module.bert.encoder.layer[1].attention.self.query.weight.grad.abs().sum() > 0


def test_gradient_checkpointing_changes_nothing() -> None:
    gradients = []
    for checkpointing in (False, True):
        module = make("bert").train()
        for m in module.modules():
            if isinstance(m, torch.nn.Dropout):
                m.p = 0.0
        if checkpointing:
            module.gradient_checkpointing_enable()
        seen = see(module, inputs_of(module), Needs(hidden=frozenset({1, 3}), relations=frozenset({2})))
        (seen.hidden[3].square().sum() + seen.relations[2][0].square().sum()).backward()
        gradients.append(module.bert.encoder.layer[0].attention.self.query.weight.grad)
    assert torch.allclose(*gradients, atol=1e-6)


def test_everything_is_float32_under_autocast() -> None:
    module = make("bert")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = see(module, inputs_of(module), ALL)
    tensors = [
        seen.logits,
        *seen.hidden.values(),
        *seen.attentions.values(),
        *sum(seen.relations.values(), ()),
    ]
    assert {t.dtype for t in tensors} == {torch.float32}


def test_the_shape_of_an_encoder_without_a_head(tiny_encoder) -> None:
    module = transformers.AutoModel.from_pretrained(tiny_encoder, attn_implementation="eager")
    assert shape_of(module, classes=32) == ModelShape(4, 32, 4, 32, attention_width=32)


class Recurrent(torch.nn.Module):
    """Shows hidden states, but has no attention."""

    config = transformers.PretrainedConfig(hidden_size=8, num_hidden_layers=1)

    def __init__(self) -> None:
        super().__init__()
        self.table, self.lstm = torch.nn.Embedding(40, 8), torch.nn.LSTM(8, 4, bidirectional=True)

    def forward(self, input_ids: Any, attention_mask: Any, output_hidden_states: bool = False) -> Any:
        states = (self.table(input_ids), self.lstm(self.table(input_ids))[0])
        return transformers.modeling_outputs.SequenceClassifierOutput(
            logits=states[1].mean(1), hidden_states=states if output_hidden_states else None
        )


def test_a_model_without_attention_is_told_so() -> None:
    module, inputs = Recurrent(), {"input_ids": IDS, "attention_mask": MASK}
    assert shape_of(module, classes=8) == ModelShape(1, 8, None, 8)
    assert see(module, inputs, Needs(hidden=frozenset({0, 1}))).hidden[1].shape == (2, 6, 8)
    with pytest.raises(TrainingError, match="Recurrent does not show its attentions") as caught:
        see(module, inputs, Needs(attentions=frozenset({1})))
    assert "distill.weights" in caught.value.remedy
    with pytest.raises(TrainingError, match="queries, keys and values"):
        see(module, inputs, Needs(relations=frozenset({1})))


def test_attention_that_sdpa_never_makes_is_not_taken_for_none() -> None:
    module = transformers.AutoModelForSequenceClassification.from_config(
        transformers.BertConfig(**{k: v for k, v in SMALL.items() if k != "attn_implementation"}),
        attn_implementation="sdpa",
    )
    with pytest.raises(TrainingError, match="does not show its attentions"):
        see(module, inputs_of(module), Needs(attentions=frozenset({1})))


def test_a_layer_that_is_not_there_is_named() -> None:
    module = make("bert")
    for part, first in (("hidden", 0), ("attentions", 1), ("relations", 1)):
        with pytest.raises(TrainingError, match=rf"layers {first} to 3; a loss asks for \[4\]"):
            see(module, inputs_of(module), Needs(**{part: frozenset({2, 4})}))
