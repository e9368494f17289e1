"""A teacher answers the same from disk as live; its answers belong to the bytes that made them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from teacher_worker import Counter, ask_reviews

from edgekit import progress
from edgekit.batches import chosen_rows, pad_rows
from edgekit.data.tokens import tokenise
from edgekit.distill import fingerprint
from edgekit.distill.fingerprint import answers_key, tokenizer_key
from edgekit.distill.knowledge import Batch, Needs
from edgekit.distill.teacher import CachedTeacher, LiveTeacher, Teacher, ask
from edgekit.errors import TrainingError
from edgekit.models.load import load_model
from edgekit.types import Source
from tests.conftest import reviews

WORKER = Path(__file__).parent / "teacher_worker.py"
NEEDS = Needs(hidden=frozenset({0, 2, 4}), relations=frozenset({4}))


@dataclass
class Class:
    """What `ask` needs of a training run."""

    module: Any
    rows: Any
    collate: Any

    def batch(self, indices: Sequence[int], *, wider: int = 0) -> Batch:
        inputs = {
            name: torch.nn.functional.pad(value, (0, wider)) for name, value in self.collate(indices).items()
        }
        return Batch(tuple(indices), inputs, None, torch.ones(len(indices), dtype=torch.bool))

    def ask(self, folder: Path, **changed: Any) -> Teacher:
        settings: dict[str, Any] = {
            "collate": self.collate,
            "needs": NEEDS,
            "autocast": contextlib.nullcontext,
            "folder": folder,
            "key": "tokenizer",
            "limit_bytes": 10**9,
        }
        return ask(self.module, self.rows, **{**settings, **changed})


@pytest.fixture
def pupils(tiny_classifier: Path) -> Class:
    model = load_model(Source("tiny", "0" * 64, tiny_classifier), name="teacher")
    rows = tokenise(model.processor, [text for text, _ in reviews()], 32)[:150]

    def collate(indices: Sequence[int]) -> dict[str, torch.Tensor]:
        arrays = pad_rows(chosen_rows(rows, indices), model.signature, pad_id=0)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    return Class(model.module, rows, collate)


class Words(Counter):
    """Also collects what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> Words:
    listener = Words()
    monkeypatch.setattr(progress, "_listener", listener)
    return listener


def mixed_lengths(rows: Any, count: int) -> list[int]:
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]["input_ids"]))
    return [order[0], order[-1], *order[5 : 3 + count]]


def test_the_cache_says_what_the_live_teacher_says(pupils: Class, tmp_path: Path) -> None:
    cached = pupils.ask(tmp_path / "answers")
    live = pupils.ask(tmp_path / "nothing", limit_bytes=0)
    assert isinstance(cached, CachedTeacher)
    assert isinstance(live, LiveTeacher)
    batch = pupils.batch(mixed_lengths(pupils.rows, 6), wider=3)
    one, other = cached(batch), live(batch)
    assert torch.allclose(one.logits, other.logits, atol=1e-5)
    assert set(one.hidden) == set(other.hidden) == {0, 2, 4}
    for layer in NEEDS.hidden:
        assert one.hidden[layer].shape == other.hidden[layer].shape == (*batch.mask.shape, 32)
        assert one.hidden[layer].dtype is torch.float32
        assert torch.allclose(one.hidden[layer], other.hidden[layer], rtol=2**-8, atol=1e-3)  # bf16
        padding = batch.mask == 0
        assert padding.any()
        assert not one.hidden[layer][padding].any()
        assert not other.hidden[layer][padding].any()
    for kept, asked in zip(one.relations[4], other.relations[4], strict=True):
        assert torch.allclose(kept, asked, rtol=2**-8, atol=1e-3)
    assert not one.logits.requires_grad


def test_inputs_that_change_every_epoch_are_answered_live(pupils: Class, tmp_path: Path) -> None:
    teacher = pupils.ask(tmp_path / "answers", collate=None)
    batch = pupils.batch([3, 4, 5])
    masked = Batch(
        batch.indices, {**batch.inputs, "input_ids": batch.inputs["input_ids"] * 0 + 4}, None, batch.labelled
    )
    with torch.no_grad():
        expected = pupils.module(**masked.inputs).logits
    assert torch.equal(teacher(masked).logits, expected)
    assert not (tmp_path / "answers").exists()


def test_a_second_run_asks_nothing_and_gets_the_same_bits(
    pupils: Class, tmp_path: Path, words: Words
) -> None:
    batch = pupils.batch(range(40))
    first = pupils.ask(tmp_path)(batch)
    assert words.asked == 150
    assert "keeping" in words.said[0]
    assert "150 rows" in words.said[0]
    second = pupils.ask(tmp_path)(batch)
    assert words.asked == 150
    assert torch.equal(first.logits, second.logits)
    assert torch.equal(first.hidden[4], second.hidden[4])


def test_attention_maps_are_asked_for_live(pupils: Class, tmp_path: Path, words: Words) -> None:
    teacher = pupils.ask(tmp_path / "answers", needs=Needs(attentions=frozenset({4})))
    batch = pupils.batch([0, 1])
    attention = teacher(batch).attentions[4]
    assert torch.allclose(attention.sum(-1), torch.ones(()), atol=1e-5)
    assert "attention maps" in words.said[0]
    assert not (tmp_path / "answers").exists()


def test_beyond_the_limit_it_is_asked_live_and_says_both_sizes(
    pupils: Class, tmp_path: Path, words: Words
) -> None:
    tokens = sum(len(row["input_ids"]) for row in pupils.rows)
    needed = 150 * 2 * 4 + (tokens + 1) * 32 * 2 * 6  # logits, three states, queries, keys and values
    teacher = pupils.ask(tmp_path / "answers", limit_bytes=needed - 1)
    assert isinstance(teacher, LiveTeacher)
    assert words.said[0].count("kB") == 2
    assert not (tmp_path / "answers").exists()
    assert isinstance(pupils.ask(tmp_path / "answers", limit_bytes=needed), CachedTeacher)


def test_top_k_of_a_wide_output_restores_one_distribution(make_tiny: Any, tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "wide", labels=tuple(f"label {i}" for i in range(40)))
    model = load_model(Source("tiny", "0" * 64, folder), name="teacher")
    rows = tokenise(model.processor, [text for text, _ in reviews()], 32)[:70]

    def collate(indices: Sequence[int]) -> dict[str, torch.Tensor]:
        arrays = pad_rows(chosen_rows(rows, indices), model.signature, pad_id=0)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    pupils = Class(model.module, rows, collate)
    teacher = pupils.ask(tmp_path / "answers", top_k=5, needs=Needs())
    batch = pupils.batch(range(8))
    with torch.no_grad():
        exact = model.module(**batch.inputs).logits.softmax(-1)
    restored = teacher(batch).logits.softmax(-1)
    assert restored.shape == (8, 40)
    assert torch.allclose(restored.sum(-1), torch.ones(8), atol=1e-5)
    best = exact.topk(5).indices
    assert torch.allclose(restored.gather(-1, best), exact.gather(-1, best), atol=1e-5)
    assert not (tmp_path / "answers" / "logits.npy").exists()


def test_an_answer_that_is_not_finite_names_its_row(pupils: Class, tmp_path: Path) -> None:
    word = pupils.rows[7]["input_ids"][1]
    with torch.no_grad():
        pupils.module.bert.embeddings.word_embeddings.weight[word] = float("nan")
    hit = [i for i, row in enumerate(pupils.rows) if word in row["input_ids"]]
    with pytest.raises(TrainingError, match=r"training row (\d+) is not finite") as caught:
        pupils.ask(tmp_path)
    assert int(caught.value.fact.split("row ")[1].split()[0]) in hit


def test_a_killed_pass_goes_on_to_the_same_bits(
    tiny_classifier: Path, tmp_path: Path, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker stops itself in the middle of the pass; SIGKILL leaves no time to tidy up."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, str(WORKER), str(tiny_classifier), str(killed), "190", "0"]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    assert (killed / "hidden-2.npy").stat().st_size > 0
    assert not (killed / "meta.json").exists()
    ask_reviews(tiny_classifier, killed)
    assert words.asked == 300 - 192
    monkeypatch.setattr(progress, "_listener", Counter())
    ask_reviews(tiny_classifier, whole)
    for name in ("logits.npy", "hidden-2.npy", "meta.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()


def test_of_several_processes_one_asks_and_the_others_wait(tiny_classifier: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(WORKER), str(tiny_classifier), str(tmp_path), "0", "5"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    started = [
        subprocess.Popen(command, env={**shared, "RANK": str(rank)}, stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    (asked, digest), (other_asked, other_digest) = [p.communicate(timeout=120)[0].split() for p in started]
    assert (int(asked), int(other_asked)) == (300, 0)
    assert digest == other_digest


# Whatever the answers depend on: one changed byte, and the key is another.


@pytest.fixture
def key_of(pupils: Class):
    def make(**changed: Any) -> str:
        settings: dict[str, Any] = {
            "rows": pupils.rows,
            "needs": NEEDS,
            "autocast": contextlib.nullcontext,
            "top_k": None,
            "order": [[0, 1], [2]],
            "key": "tokenizer",
        }
        settings |= changed
        return answers_key(pupils.module, settings.pop("rows"), **settings)

    return make


def test_the_same_bytes_give_the_same_key(key_of, tiny_classifier: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(tiny_classifier, tmp_path / "elsewhere")
    again = load_model(Source("tiny", "0" * 64, moved), name="teacher").module
    first = key_of()
    assert first == key_of()
    other = answers_key(
        again,
        tokenise(load_model(Source("t", "", moved), name="t").processor, [t for t, _ in reviews()], 32)[:150],
        needs=NEEDS, autocast=contextlib.nullcontext, top_k=None, order=[[0, 1], [2]], key="tokenizer",
    )  # fmt: skip
    assert first == other


def test_one_byte_of_the_weights_changes_the_key(key_of, pupils: Class) -> None:
    before = key_of()
    weight = pupils.module.bert.encoder.layer[2].output.dense.bias
    numbers = weight.detach().numpy().view(np.uint8)
    numbers[17] ^= 1
    assert key_of() != before
    numbers[17] ^= 1
    assert key_of() == before


def test_one_token_of_one_row_changes_the_key(key_of, pupils: Class) -> None:
    before = key_of()
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        changed = [dict(row) for row in pupils.rows]
        changed[149][name] = [*changed[149][name][:-1], changed[149][name][-1] ^ 1]
        assert key_of(rows=changed) != before
    # The same ids, cut elsewhere.
    first, second, *others = pupils.rows
    shifted = [
        {name: ids[:-1] for name, ids in first.items()},
        {name: [first[name][-1], *ids] for name, ids in second.items()},
        *others,
    ]
    assert key_of(rows=shifted) != before
    assert key_of(rows=pupils.rows[::-1]) != before


def test_needs_arithmetic_and_tokenizer_change_the_key(key_of) -> None:
    half = lambda: torch.autocast("cpu", dtype=torch.bfloat16)  # noqa: E731
    keys = [
        key_of(),
        key_of(needs=Needs(hidden=frozenset({0, 2, 4}))),
        key_of(needs=Needs(hidden=frozenset({0, 2, 3}), relations=frozenset({4}))),
        key_of(autocast=half),
        key_of(top_k=5),
        key_of(order=[[0, 1, 2]]),
        key_of(key="tokenizes"),
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("owner", ["edgekit", "torch", "transformers"])
def test_versions_change_the_key(key_of, monkeypatch: pytest.MonkeyPatch, owner: str) -> None:
    import transformers

    before = key_of()
    if owner == "edgekit":
        monkeypatch.setattr(fingerprint, "__version__", "0.0.0")
    else:
        monkeypatch.setattr(torch if owner == "torch" else transformers, "__version__", "0.0.0")
    assert key_of() != before


def test_configuration_changes_the_key(key_of, pupils: Class) -> None:
    before = key_of()
    pupils.module.config.hidden_act = "relu"
    assert key_of() != before


def test_one_byte_of_a_tokenizer_file_changes_its_key(tiny_classifier: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_classifier, tmp_path / "model")
    before = tokenizer_key(folder)
    (folder / "README.md").write_text("a model card is no tokenizer")
    assert tokenizer_key(folder) == before
    for path in sorted(folder.glob("tokenizer*")):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        assert tokenizer_key(folder) != before
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    assert tokenizer_key(folder) == before
