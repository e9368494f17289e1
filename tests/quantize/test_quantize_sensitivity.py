"""How far outputs move: by hand, and on a real module whose weights are put back."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit import api
from edgekit.models import families
from edgekit.quantize.sensitivity import Sensitivity, distance
from edgekit.verify.probe import probe_rows


def test_classes_are_compared_by_kl() -> None:
    reference = torch.tensor([[math.log(0.75), math.log(0.25)]])
    moved = torch.tensor([[math.log(0.5) + 3, math.log(0.5) + 3]])  # a shift of all logits changes nothing
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert distance("text-classification", reference, moved) == pytest.approx(expected)
    assert distance("token-classification", reference, reference) == 0


def test_several_labels_are_compared_one_by_one() -> None:
    reference, moved = torch.tensor([[math.log(3.0), 0.0]]), torch.tensor([[0.0, 0.0]])
    expected = (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2  # the second label is equal
    assert distance("multi-label-classification", reference, moved) == pytest.approx(expected)


def test_numbers_are_compared_by_their_variance() -> None:
    reference, moved = torch.tensor([[1.0], [3.0]]), torch.tensor([[1.5], [3.5]])
    assert distance("text-regression", reference, moved) == pytest.approx(0.25)
    assert distance("sentence-embedding", reference, reference) == 0


@pytest.mark.parametrize("task", ["text-classification", "masked-lm"])
def test_a_weight_is_replaced_and_put_back(tiny_classifier: Path, task: str) -> None:
    model = api.load(tiny_classifier, task=task) if task == "text-classification" else masked()
    module = families.export_module(model.module, max_length=64, task=task)
    rows = probe_rows(model.processor, model.signature, count=20)
    probe = Sensitivity(module, model.signature, rows, pad_id=0)
    name = "bert.encoder.layer.1.output.dense.weight"
    weight = dict(module.named_parameters())[name]
    before = weight.detach().clone()
    assert probe.loss(name, before.numpy()) == 0
    little, much = (probe.loss(name, (before * factor).numpy()) for factor in (1.05, 3.0))
    assert 0 < little < much
    assert torch.equal(weight, before)


def masked():
    from transformers import BertConfig, BertForMaskedLM

    from edgekit.types import Model, Signature, Source, TensorSpec

    class Processor:
        all_special_ids = (0, 2, 3, 4)
        mask_token_id = 4

        def __len__(self) -> int:
            return 60

        def __call__(self, text: str) -> dict[str, list[int]]:
            return {"input_ids": [2, 3]}

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    inputs = tuple(TensorSpec(n, ("batch", "sequence"), "int64") for n in ("input_ids", "attention_mask"))
    inputs += (TensorSpec("token_type_ids", ("batch", "sequence"), "int64"),)
    outputs = (TensorSpec("logits", ("batch", "sequence", 60), "float32"),)
    signature = Signature("masked-lm", inputs, outputs, max_length=64)
    source = Source("tiny", "", Path())
    return Model("tiny", BertForMaskedLM(config).eval(), Processor(), signature, source)


def test_padding_does_not_count_per_token() -> None:
    """The same rows with others beside them in the batch: their loss is the mean over real tokens alone."""
    model = masked()
    module = families.export_module(model.module, max_length=64, task="masked-lm")
    rows = probe_rows(model.processor, model.signature, count=4)
    name = "bert.encoder.layer.0.output.dense.weight"
    value = dict(module.named_parameters())[name].detach().numpy() * np.float32(2)
    whole = Sensitivity(module, model.signature, rows, pad_id=0).loss(name, value)
    tokens = [len(row["input_ids"]) for row in rows]
    alone = [Sensitivity(module, model.signature, [row], pad_id=0).loss(name, value) for row in rows]
    expected = sum(n * loss for n, loss in zip(tokens, alone, strict=True)) / sum(tokens)
    assert whole == pytest.approx(expected, rel=1e-4)
