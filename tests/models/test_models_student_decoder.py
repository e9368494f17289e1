"""Students of decoders: fewer layers of every family, in folders that transformers and edgekit open alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from edgekit.models.decoders.load import load_decoder
from edgekit.models.load import load_model
from edgekit.models.save import save_model
from edgekit.models.student import make_student
from edgekit.recipe.schema import Student
from edgekit.types import Source
from tests.decoder_examples import save_decoder

FAMILIES = {  # → its layer that goes
    "llama": 1,
    "mistral": 0,
    "qwen3": 2,
    "phi": 1,
    "phi3": 1,
    "gemma3": 0,
    "gpt2": 1,
    "falcon-grouped": 0,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_layer_less_and_the_same_logits_everywhere(family: str, tmp_path: Path) -> None:
    teacher = load_model(
        Source("tiny", "0" * 64, save_decoder(tmp_path / "teacher", family)),
        name="teacher",
        task="text-generation",
    )
    count = teacher.module.config.num_hidden_layers
    kept = tuple(i for i in range(count) if i != FAMILIES[family])
    student = make_student(teacher, Student(layers=len(kept), select=kept), name="student")
    folder = save_model(student, tmp_path / "student", provenance={})
    plain = AutoModelForCausalLM.from_pretrained(folder)
    own = load_decoder(folder, context=16)
    ids = torch.tensor([own.processor("the cat sat on the mat")["input_ids"][:8]])
    mask = torch.full((ids.shape[1],) * 2, -3e4).triu(1)[None, None]
    with torch.no_grad():
        expected = student.module(ids).logits
        assert torch.allclose(plain(ids).logits, expected, atol=1e-5)
        assert torch.allclose(own.decoder(ids.int(), mask), expected, atol=1e-4)
        assert not torch.allclose(teacher.module(ids).logits, expected, atol=1e-2)
    assert plain.config.num_hidden_layers == count - 1


def test_the_least_important_layers_go(tmp_path: Path) -> None:
    teacher = load_model(
        Source("tiny", "0" * 64, save_decoder(tmp_path / "teacher")), name="teacher", task="text-generation"
    )
    still = teacher.module.model.layers[1]
    with torch.no_grad():
        still.self_attn.o_proj.weight.zero_()
        still.mlp.down_proj.weight.zero_()
    rows = [{"input_ids": list(range(i, i + 12)), "attention_mask": [1] * 12} for i in range(4)]
    student = make_student(teacher, Student(layers=2, select="importance"), name="student", rows=rows)
    ids = torch.tensor([rows[0]["input_ids"]])
    with torch.no_grad():
        assert torch.allclose(student.module(ids).logits, teacher.module(ids).logits, atol=1e-4)
