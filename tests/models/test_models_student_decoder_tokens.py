"""Decoders with fewer tokens: the same logits for those that stay, in folders that every loader opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from edgekit.models.cost import cost
from edgekit.models.decoders.load import load_decoder
from edgekit.models.load import load_model
from edgekit.models.save import save_model
from edgekit.models.student import make_student
from edgekit.models.students.vocabulary import chat_tokens, kept_tokens, spelling
from edgekit.recipe.schema import Student, Vocabulary
from edgekit.types import Model, Source
from tests.decoder_examples import SAYINGS, save_decoder

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "phi", "phi3", "falcon-grouped", "gemma3", "gpt2")
SEEN = "the cat sat on the mat"
CHAT = [{"role": "user", "content": SEEN}]


def load(folder: Path) -> Model:
    return load_model(Source("tiny", "0" * 64, folder), name="teacher", task="text-generation")


def trimmed(teacher: Model, *texts: str) -> Model:
    rows = [{"input_ids": ids} for ids in teacher.processor(list(texts))["input_ids"]]
    layers = teacher.module.config.num_hidden_layers
    return make_student(teacher, Student(layers=layers, vocabulary=Vocabulary()), name="student", rows=rows)


@pytest.mark.parametrize("family", FAMILIES)
def test_kept_tokens_keep_their_logits_in_every_family(family: str, tmp_path: Path) -> None:
    teacher = load(save_decoder(tmp_path / "teacher", family, spare=6))
    student = trimmed(teacher, SEEN)
    folder = save_model(student, tmp_path / "student", provenance={})
    plain, words = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    own = load_decoder(folder, context=16)
    kept = kept_tokens(teacher.processor, words)
    assert kept is not None and len(kept) == len(words) == plain.config.vocab_size < len(teacher.processor)
    before, after = (p(SEEN, return_tensors="pt")["input_ids"] for p in (teacher.processor, words))
    assert [kept[i] for i in after[0]] == before[0].tolist()
    count = after.shape[1]
    mask = torch.full((count, count), -3e4).triu(1)[None, None]
    with torch.no_grad():
        expected = teacher.module(before).logits[..., list(kept)]
        assert torch.allclose(student.module(after).logits, expected, atol=1e-5)
        assert torch.allclose(plain(after).logits, expected, atol=1e-5)
        assert torch.allclose(own.decoder(after.int(), mask), expected, atol=1e-4)
    end = teacher.processor.eos_token
    assert own.stop_ids[0] == words.convert_tokens_to_ids(end) == plain.config.eos_token_id
    for text in SAYINGS:
        assert words.decode(words(text)["input_ids"]) == teacher.processor.decode(
            teacher.processor(text)["input_ids"]
        )


def test_what_ends_texts_and_what_chats_are_made_of_stays(tmp_path: Path) -> None:
    teacher = load(save_decoder(tmp_path / "teacher"))
    words = teacher.processor
    teacher.module.config.eos_token_id = [words.eos_token_id, 270, 271]
    teacher.module.generation_config.eos_token_id = [272, words.eos_token_id]
    teacher.module.generation_config.suppress_tokens = [275]
    student = trimmed(teacher, "a")
    cut = student.processor

    def named(ids: list[int]) -> Any:
        return cut.convert_ids_to_tokens(ids)

    told = student.module.generation_config
    assert named(student.module.config.eos_token_id) == words.convert_ids_to_tokens([0, 270, 271])
    assert named(told.eos_token_id) == words.convert_ids_to_tokens([272, 0])
    assert named(told.suppress_tokens) == words.convert_ids_to_tokens([275])
    assert cut.chat_template == words.chat_template
    around = words.convert_ids_to_tokens(sorted(chat_tokens(words)))
    assert set(around) <= cut.get_vocab().keys() and "<|end|>" in around
    texts = [p.apply_chat_template(CHAT, tokenize=False) for p in (words, cut)]
    assert texts[0] == texts[1]
    folder = save_model(student, tmp_path / "student", provenance={})
    again = AutoModelForCausalLM.from_pretrained(folder).generation_config
    assert again.eos_token_id == told.eos_token_id and again.suppress_tokens == told.suppress_tokens
    assert set(load_decoder(folder, context=8).stop_ids) == {
        *student.module.config.eos_token_id,
        *told.eos_token_id,
    }


def test_only_a_tokenizer_that_was_cut_is_taken_for_one(tmp_path: Path) -> None:
    teacher = load(save_decoder(tmp_path / "teacher"))
    student = trimmed(teacher, SEEN)
    whole = teacher.processor
    assert kept_tokens(whole, whole) == tuple(range(len(whole)))
    assert kept_tokens(student.processor, whole) is None
    from tokenizers import normalizers

    other = AutoTokenizer.from_pretrained(tmp_path / "teacher")
    other.backend_tokenizer.normalizer = normalizers.Lowercase()
    assert kept_tokens(whole, other) is None


def test_a_lost_token_is_spelled_with_what_is_left(tmp_path: Path) -> None:
    teacher = load(save_decoder(tmp_path / "teacher"))
    words, cut = teacher.processor, trimmed(teacher, "a").processor
    write = spelling(words, cut)
    for text in SAYINGS:
        parts = [write(token) for token in words(text)["input_ids"]]
        assert cut.decode([token for part in parts for token in part]) == text
        assert max(map(len, parts)) > 1


def test_rows_of_the_table_are_what_is_saved(tmp_path: Path) -> None:
    teacher = load(save_decoder(tmp_path / "teacher", spare=6))
    student = trimmed(teacher, SEEN)
    lost = teacher.module.config.vocab_size - len(student.processor)
    whole, cut = (cost(model, length=8) for model in (teacher, student))
    assert lost > 6 and whole.parameters - cut.parameters == lost * 64  # the head is the table
    assert whole.bytes_int8 - cut.bytes_int8 == lost * 64
    assert whole.flops - cut.flops == 2 * 8 * lost * 64
