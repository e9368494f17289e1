"""A decoder's losses: by hand, by chunks, from a cache, and with documents that see nothing of each other."""

from __future__ import annotations

import contextlib
import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from edgekit.data.documents import LENGTHS, next_tokens, positions
from edgekit.distill import objectives
from edgekit.distill.knowledge import Batch
from edgekit.distill.language.chunks import summed
from edgekit.distill.language.decoder import check_apart, head_logits, last_hidden
from edgekit.distill.language.distiller import Language
from edgekit.distill.language.judge import make_token_judge, token_figures
from edgekit.distill.language.teacher import CachedTokens, LiveTokens, ask_tokens
from edgekit.distill.language.writing import written
from edgekit.distill.top_k import coarse, cut
from edgekit.errors import ModelError
from edgekit.recipe.schema import Distill, LossWeights, OnPolicy
from edgekit.scores import IGNORED
from tests.decoder_examples import DECODERS, example

KEPT = [name for name in DECODERS if not name.startswith("falcon")]


def weights(**given: float) -> LossWeights:
    return LossWeights(**{**dict.fromkeys(LossWeights.model_fields, 0.0), **given})


def block(*documents: list[int]) -> dict[str, list[int]]:
    ids = [token for document in documents for token in document]
    return {"input_ids": ids, "attention_mask": [1] * len(ids), LENGTHS: [len(d) for d in documents]}


BLOCKS = [
    block([5, 6, 7, 2], [8, 9, 10, 11, 2]),
    block([12, 13, 2], [14, 2], [20, 21, 22, 2]),
    block([30, 2]),
]


def inputs(indices: Any) -> dict[str, torch.Tensor]:
    rows = [BLOCKS[i] for i in indices]
    width = max(len(row["input_ids"]) for row in rows)
    ids, places = torch.full((len(rows), width), 2), torch.zeros(len(rows), width, dtype=torch.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
        places[i, : len(row["input_ids"])] = torch.tensor(positions(row))
    return {"input_ids": ids, "position_ids": places}


def batch(*indices: int) -> Batch:
    found = inputs(indices)
    labels = torch.full(found["input_ids"].shape, IGNORED)
    for i, index in enumerate(indices):
        told = next_tokens(BLOCKS[index], ignored=IGNORED)
        labels[i, : len(told)] = torch.tensor(told)
    return Batch(tuple(indices), found, labels, torch.ones(len(indices), dtype=torch.bool))


def ask(module: Any, folder: Path, top_k: int | None) -> Any:
    return ask_tokens(
        module,
        BLOCKS,
        inputs=inputs,
        autocast=contextlib.nullcontext,
        folder=folder,
        key="tokens",
        limit_bytes=10**6,
        top_k=top_k,
        title="Ask",
    )


@pytest.mark.parametrize("name", KEPT)
def test_documents_of_a_row_see_nothing_of_each_other(name: str) -> None:
    module = example(name)
    check_apart(module)
    together = head_logits(module, last_hidden(module, inputs([0])))[0]
    for start, stop in itertools.pairwise((0, 4, 9)):
        ids = torch.tensor([BLOCKS[0]["input_ids"][start:stop]])
        assert torch.allclose(module(input_ids=ids).logits[0], together[start:stop], atol=1e-4)


def test_a_family_that_mixes_documents_is_refused() -> None:
    with pytest.raises(ModelError, match="falcon"):
        check_apart(example("falcon-multi-query"))


def test_padding_counts_for_nothing() -> None:
    distiller = Language(
        example("llama"), Distill(weights=weights(labels=1.0)), teacher=None, tokens_per_row=1.0
    )
    alone = sum(float(distiller(batch(i))["labels"].detach()) for i in range(3))
    assert float(distiller(batch(0, 1, 2))["labels"].detach()) * 3 == pytest.approx(alone, rel=1e-5)


def test_the_labels_term_is_the_mean_cross_entropy_of_next_tokens() -> None:
    module = example("qwen2")
    distiller = Language(
        module, Distill(weights=weights(labels=1.0)), teacher=None, tokens_per_row=(7 + 6 + 1) / 3
    )
    nll = []
    for row in BLOCKS:
        start = 0
        for length in row[LENGTHS]:
            ids = torch.tensor([row["input_ids"][start : start + length]])
            log = module(input_ids=ids).logits[0].log_softmax(-1)
            nll += [-log[i, ids[0, i + 1]].item() for i in range(length - 1)]
            start += length
    assert len(nll) == 14
    assert float(distiller(batch(0, 1, 2))["labels"].detach()) == pytest.approx(sum(nll) / 14, rel=1e-4)


def test_a_loss_in_chunks_is_the_loss_and_has_its_gradient() -> None:
    torch.manual_seed(0)
    hidden = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    head = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    theirs, targets = torch.randn(7, 5, dtype=torch.float64), torch.randint(5, (7,))

    def loss(part: torch.Tensor, told: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
        logits = part @ head.T
        terms = [
            objectives.hard_labels(logits, told),
            objectives.soft_target_kl(logits, taught, temperature=1.5),
            objectives.reverse_kl(logits, taught, temperature=1.0),
            objectives.jensen_shannon(logits, taught, temperature=1.0, beta=0.3),
        ]
        return torch.stack(terms) * len(told)

    whole = loss(hidden, targets, theirs)
    assert torch.allclose(summed(loss, (hidden, targets, theirs), chunk=3), whole)

    def by_chunks(h: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        def own(part: torch.Tensor, told: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
            logits = part @ w.T
            kl = objectives.soft_target_kl(logits, taught, temperature=1.0)
            js = objectives.jensen_shannon(logits, taught, temperature=1.0, beta=0.3)
            return torch.stack([objectives.hard_labels(logits, told), kl, js]) * len(told)

        return summed(own, (h, targets, theirs), chunk=2)

    assert torch.autograd.gradcheck(by_chunks, (hidden, head))


class Largest(TorchDispatchMode):
    """The most numbers in any tensor made while it is on."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(one, torch.Tensor):
                self.numbers = max(self.numbers, one.numel())
        return out


def test_no_tensor_is_as_large_as_the_logits_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    module, teacher = example("llama", vocab_size=5000), example("llama", vocab_size=5000)
    config = Distill(weights=weights(labels=0.5, soft_targets=1.0))
    distiller = Language(
        module, config, teacher=LiveTokens(teacher, autocast=contextlib.nullcontext), tokens_per_row=1
    )
    ids = torch.randint(5000, (2, 100))
    many = Batch(
        (0, 1),
        {"input_ids": ids, "position_ids": torch.arange(100).expand(2, 100)},
        ids.roll(-1, 1),
        torch.ones(2, dtype=torch.bool),
    )
    monkeypatch.setattr(summed, "__kwdefaults__", {"chunk": 10})
    with Largest() as seen:
        sum(distiller(many).values()).backward()
    table = 5000 * 64  # its gradient is as large as itself
    assert table <= seen.numbers < 200 * 5000 / 3


@pytest.mark.parametrize("measure", [objectives.soft_target_kl, objectives.reverse_kl])
def test_a_coarse_divergence_by_hand(measure: Any) -> None:
    p, q = torch.tensor([[0.5, 0.3, 0.15, 0.05]]), torch.tensor([[0.4, 0.1, 0.3, 0.2]])
    top, classes, rest = cut(p.log(), 2)
    said, own = torch.cat((top, rest), -1), coarse(q.log(), classes)
    assert torch.allclose(own.exp(), torch.tensor([[0.4, 0.1, 0.5]]))
    a, b = ([0.5, 0.3, 0.2], [0.4, 0.1, 0.5])
    if measure is objectives.reverse_kl:
        a, b = b, a
    expected = sum(x * math.log(x / y) for x, y in zip(a, b, strict=True))
    assert float(measure(own, said, temperature=1.0)) == pytest.approx(expected, rel=1e-5)
    assert expected <= float(measure(q.log(), p.log(), temperature=1.0)) + 1e-6


def test_cached_answers_are_the_live_ones_but_for_the_tail(tmp_path: Path) -> None:
    teacher, student = example("llama"), example("llama", num_hidden_layers=2)
    config = Distill(weights=weights(soft_targets=1.0), temperature=1.0)
    values = {}
    for top_k in (None, 97, 8):
        answers = ask(teacher, tmp_path / str(top_k), top_k)
        assert isinstance(answers, LiveTokens if top_k is None else CachedTokens)
        distiller = Language(student, config, teacher=answers, tokens_per_row=1.0)
        # Rows of another order and padding than the cache was filled in.
        values[top_k] = distiller(batch(2, 0, 1))["soft_targets"].item()
    assert values[97] == pytest.approx(values[None], rel=1e-3)
    assert 0 < values[8] < values[None]


def test_a_cache_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = example("llama")
    ask(teacher, tmp_path, 8)
    monkeypatch.setattr("edgekit.distill.language.teacher.last_hidden", lambda *_: pytest.fail("asked again"))
    ask(teacher, tmp_path, 8)


def test_pieces_of_a_batch_have_its_gradient() -> None:
    config = Distill(weights=weights(labels=1.0, reverse_kl=1.0))
    teacher = LiveTokens(example("llama", num_hidden_layers=2), autocast=contextlib.nullcontext)
    found = []
    for pieces in ([(0, 1, 2)], [(0, 2), (1,)]):
        module = example("llama")
        distiller = Language(module, config, teacher=teacher, tokens_per_row=5.0)
        for piece in pieces:
            (sum(distiller(batch(*piece)).values()) * len(piece) / 3).backward()
        found.append(module.model.layers[1].mlp.up_proj.weight.grad)
    assert torch.allclose(*found, rtol=1e-3, atol=1e-6)


def test_the_student_writes_on_within_its_first_document() -> None:
    module = example("llama", eos_token_id=2)
    torch.manual_seed(0)
    mine = written(module, batch(0, 1), OnPolicy(prompt_tokens=8, new_tokens=6))
    ids, labels = mine.inputs["input_ids"], mine.labels
    assert labels is not None
    # The shortest first document has 3 tokens.
    assert ids[:, :3].tolist() == [[5, 6, 7], [12, 13, 2]]
    assert (labels[:, :2] == IGNORED).all() and (labels[:, 2] == ids[:, 3]).all()
    for row, told in zip(ids.tolist(), labels.tolist(), strict=True):
        end = next((i for i, token in enumerate(row) if i >= 3 and token == 2), len(row) - 1)
        assert told[2:end] == row[3 : end + 1]
        assert set(told[end:]) == {IGNORED}


def test_on_policy_steps_teach_by_the_divergence_alone() -> None:
    teacher = LiveTokens(example("llama", num_hidden_layers=2), autocast=contextlib.nullcontext)
    config = Distill(
        weights=weights(labels=1.0, jensen_shannon=1.0),
        on_policy=OnPolicy(share=1.0, prompt_tokens=3, new_tokens=4),
    )
    distiller = Language(example("llama", eos_token_id=2), config, teacher=teacher, tokens_per_row=5.0)
    torch.manual_seed(0)
    terms = distiller(batch(0, 1))
    assert float(terms["labels"].detach()) == 0
    assert 0 < float(terms["jensen_shannon"]) < math.log(2)
    sum(terms.values()).backward()
    assert distiller.student.model.layers[0].mlp.up_proj.weight.grad.abs().sum() > 0


def test_figures_of_the_teacher_itself_and_of_another() -> None:
    teacher, student = example("llama"), example("llama", num_hidden_layers=2)

    def collate(indices: Any) -> Batch:
        return batch(*indices)

    found = token_figures({"teacher": teacher, "student": student}, collate, [[0, 1], [2]], teacher="teacher")
    assert found["teacher"]["tokens"] == [7, 6, 1]
    assert found["teacher"]["same"] == [7, 6, 1]
    assert found["teacher"]["kl"] == pytest.approx([0, 0, 0], abs=1e-5)
    logits = [m(input_ids=torch.tensor([[30, 2]])).logits[0, 0].log_softmax(-1) for m in (teacher, student)]
    assert found["student"]["nll"][2] == pytest.approx(-float(logits[1][2]), rel=1e-4)
    expected = float((logits[0].exp() * (logits[0] - logits[1])).sum())
    assert found["student"]["kl"][2] == pytest.approx(expected, rel=1e-3)
    judge = make_token_judge(collate, [[0, 1], [2]])
    score = judge(student, contextlib.nullcontext, torch.device("cpu"))
    assert score == pytest.approx(math.exp(-sum(found["student"]["nll"]) / 14), rel=1e-4)
