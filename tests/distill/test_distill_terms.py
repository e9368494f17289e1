"""Recipe weights as terms of a loss: which there are, what they look at, and what they say of a batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from edgekit.distill import objectives as o
from edgekit.distill.knowledge import Batch, Needs, Seen
from edgekit.distill.see import ModelShape
from edgekit.distill.terms import BUILDERS, layer_pairs, make_terms, total_needs, weighted
from edgekit.errors import TrainingError
from edgekit.recipe.schema import Distill, LossWeights, Objectives
from edgekit.tasks import TASKS, get_task

STUDENT = ModelShape(layers=3, width=8, heads=2, classes=3)
TEACHER = ModelShape(layers=6, width=12, heads=4, classes=3)
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]])
ROWS, LENGTH = MASK.shape
CLASS, TOKENS, MLM = "text-classification", "token-classification", "masked-lm"
SETTINGS = Objectives(relation_heads=2, contrastive_negatives=8, projection_size=4)


def only(**weights: float) -> LossWeights:
    return LossWeights(**{**dict.fromkeys(LossWeights.model_fields, 0.0), **weights})


def terms_for(task: str = CLASS, student: Any = STUDENT, teacher: Any = TEACHER, **weights: float) -> Any:
    config = Distill(objectives=SETTINGS, temperature=2.0)
    return make_terms(only(**weights), config, task=get_task(task), student=student, teacher=teacher)


def seen(shape: ModelShape, task: str = CLASS, *, seed: int = 0, rows: int = ROWS) -> Seen:
    """Random answers of this shape, everything shown."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=generator).requires_grad_()

    lead = (rows, LENGTH) if get_task(task).per_token else (rows,)
    layers = range(1, shape.layers + 1)
    heads = shape.heads or 1
    return Seen(
        logits=draw(*lead, shape.classes),
        hidden={i: draw(rows, LENGTH, shape.width) for i in range(shape.layers + 1)},
        attentions={i: draw(rows, heads, LENGTH, LENGTH).softmax(-1) for i in layers},
        relations={i: tuple(draw(rows, LENGTH, shape.width) for _ in range(3)) for i in layers},
    )


def batch(task: str = CLASS, labels: Any = None, labelled: Any = None) -> Batch:
    if labels is None:
        labels = {
            "class": torch.tensor([0, 1, 2, 0, 1]),
            "classes": (torch.arange(ROWS * 3).view(ROWS, 3) % 2).float(),
            "number": torch.linspace(-1, 1, ROWS),
            "tags": (torch.arange(ROWS * LENGTH).view(ROWS, LENGTH) % 3).masked_fill(MASK == 0, -100),
            "nothing": torch.full((ROWS, LENGTH), -100).index_put(
                (torch.tensor([0, 1, 4]), torch.tensor([1, 2, 3])), torch.tensor([2, 0, 1])
            ),
        }[get_task(task).truth]
    return Batch(
        indices=tuple(range(ROWS)),
        inputs={"input_ids": MASK, "attention_mask": MASK},
        labels=labels,
        labelled=torch.ones(ROWS, dtype=torch.bool) if labelled is None else torch.tensor(labelled),
    )


def test_every_weight_of_the_recipe_has_a_builder() -> None:
    assert list(BUILDERS) == list(LossWeights.model_fields)


@pytest.mark.parametrize("name", BUILDERS)
def test_every_term_teaches_the_student_alone(name: str) -> None:
    torch.manual_seed(0)
    (term,) = terms_for(**{name: 1.0})
    student, teacher = seen(STUDENT), seen(TEACHER, seed=1)
    loss = term(student, teacher, batch())
    assert loss.shape == () and loss.isfinite() and loss > 0
    loss.backward()
    shown = [student.logits, *student.hidden.values(), *sum(student.relations.values(), ())]
    reached = [t for t in shown if t.grad is not None and t.grad.abs().sum() > 0]
    assert reached or name == "attention_maps"  # softmax outputs aren't leaves
    taught = [teacher.logits, *teacher.hidden.values(), *sum(teacher.relations.values(), ())]
    assert all(t.grad is None for t in taught)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in term.parameters())


@pytest.mark.parametrize("name", BUILDERS)
def test_a_term_needs_no_more_than_it_says(name: str) -> None:
    (term,) = terms_for(**{name: 1.0})
    student, teacher = seen(STUDENT), seen(TEACHER, seed=1)

    def cut(full: Seen, needs: Needs) -> Seen:
        return Seen(
            full.logits,
            {i: full.hidden[i] for i in needs.hidden},
            {i: full.attentions[i] for i in needs.attentions},
            {i: full.relations[i] for i in needs.relations},
        )

    term(cut(student, term.student_needs), cut(teacher, term.teacher_needs), batch())


def test_weights_order_and_needs_of_several_terms() -> None:
    terms = terms_for(
        labels=0.5, soft_targets=2.0, hidden_mse=3.0, attention_relations=1.0, relation_angle=4.0
    )
    assert [t.name for t in terms] == [
        "labels", "soft_targets", "hidden_mse", "attention_relations", "relation_angle"
    ]  # fmt: skip
    assert [t.needs_teacher for t in terms] == [False, True, True, True, True]
    student_needs, teacher_needs = total_needs(terms)
    assert student_needs == Needs(hidden=frozenset({1, 2, 3}), relations=frozenset({3}))
    assert teacher_needs == Needs(hidden=frozenset({2, 4, 6}), relations=frozenset({6}))
    student, teacher = seen(STUDENT), seen(TEACHER, seed=1)
    loss = weighted(terms, student, teacher, batch())
    assert list(loss) == [t.name for t in terms]
    assert loss["soft_targets"].item() == pytest.approx(
        2 * o.soft_target_kl(student.logits, teacher.logits, temperature=2.0).item()
    )


def test_layer_maps() -> None:
    def shape(layers: int) -> ModelShape:
        return replace(STUDENT, layers=layers)

    def pairs(layer_map: Any, own: int, others: int) -> Any:
        return layer_pairs(layer_map, student=shape(own), teacher=shape(others))

    assert pairs("uniform", 3, 6) == ((1, 2), (2, 4), (3, 6))
    assert pairs("uniform", 4, 6) == ((1, 2), (2, 3), (3, 5), (4, 6))  # halves go up
    assert pairs("uniform", 3, 1) == ((1, 1), (2, 1), (3, 1))
    assert pairs("last", 3, 6) == ((1, 4), (2, 5), (3, 6))
    assert pairs("last", 3, 2) == ((2, 1), (3, 2))
    assert pairs(((3, 6), (1, 1)), 3, 6) == ((1, 1), (3, 6))
    for wrong in (((1, 7),), ((4, 6),), ()):
        with pytest.raises(TrainingError, match="the student has 3 layers and the teacher 6"):
            pairs(wrong, 3, 6)


def test_single_layer_terms_use_the_last_pair_and_hints_a_middle_one() -> None:
    needs = {n: terms_for(**{n: 1.0})[0] for n in ("hidden_cosine", "hints", "attention_maps")}
    assert needs["hidden_cosine"].teacher_needs.hidden == {6}
    assert (needs["hints"].student_needs.hidden, needs["hints"].teacher_needs.hidden) == ({2}, {4})
    assert needs["attention_maps"].teacher_needs.attentions == {2, 4, 6}


def test_projections_are_learned_only_where_widths_differ() -> None:
    alike = replace(TEACHER, width=8)
    for name in ("hidden_cosine", "hidden_mse", "embedding_cosine", "embedding_mse"):
        assert not list(terms_for(teacher=alike, **{name: 1.0}).parameters())
        (weight,) = terms_for(**{name: 1.0}).parameters()
        assert weight.shape == (12, 8) and weight.requires_grad
    assert list(terms_for(teacher=alike, hints=1.0).parameters()), "a regressor is always learned"


def test_labels_count_only_for_labelled_rows() -> None:
    student, some = seen(STUDENT), [True, False, True, False, False]
    (term,) = terms_for(labels=1.0)
    expected = o.hard_labels(student.logits[[0, 2]], torch.tensor([0, 2]))
    assert term(student, None, batch(labelled=some)).item() == pytest.approx(expected.item())
    (term,) = terms_for("multi-label-classification", labels=1.0)
    expected = o.multi_hot_labels(student.logits[[0, 2]], batch("multi-label-classification").labels[[0, 2]])
    assert term(student, None, batch("multi-label-classification", labelled=some)).item() == pytest.approx(
        expected.item()
    )
    number = seen(replace(STUDENT, classes=1))
    (term,) = terms_for("text-regression", labels=1.0)
    expected = o.number_labels(number.logits[[0, 2]], batch("text-regression").labels[[0, 2]])
    assert term(number, None, batch("text-regression", labelled=some)).item() == pytest.approx(
        expected.item()
    )


@pytest.mark.parametrize("task", [t.name for t in TASKS.values() if t.truth != "nothing"])
def test_labels_without_any_are_zero_with_a_graph(task: str) -> None:
    student = seen(replace(STUDENT, classes=1 if task == "text-regression" else 3), task)
    (term,) = terms_for(task, labels=1.0)
    for rows in (batch(task, labelled=[False] * ROWS), replace(batch(task), labels=None)):
        loss = term(student, None, rows)
        loss.backward()
        assert loss.item() == 0
        assert student.logits.grad.abs().sum() == 0


def test_tokens_count_where_they_are_real_or_masked() -> None:
    student, teacher = seen(STUDENT, TOKENS), seen(TEACHER, TOKENS, seed=1)
    real = MASK > 0
    (term,) = terms_for(TOKENS, soft_targets=1.0)
    expected = o.soft_target_kl(student.logits[real], teacher.logits[real], temperature=2.0)
    assert term(student, teacher, batch(TOKENS)).item() == pytest.approx(expected.item())
    (term,) = terms_for(TOKENS, labels=1.0)
    tags = batch(TOKENS).labels
    expected = o.hard_labels(student.logits[real], tags[real])
    assert term(student, None, batch(TOKENS)).item() == pytest.approx(expected.item(), rel=1e-5)

    masked = batch(MLM).labels != -100
    assert masked.sum() == 3
    for name, expected in (
        ("soft_targets", o.soft_target_kl(student.logits[masked], teacher.logits[masked], temperature=2.0)),
        ("labels", o.hard_labels(student.logits[masked], batch(MLM).labels[masked])),
    ):
        (term,) = terms_for(MLM, **{name: 1.0})
        # Masked tokens are their own labels, in transfer texts too.
        got = term(student, teacher, batch(MLM, labelled=[False] * ROWS))
        assert got.item() == pytest.approx(expected.item(), rel=1e-5)
        nothing_masked = term(student, teacher, batch(MLM, labels=torch.full((ROWS, LENGTH), -100)))
        assert nothing_masked.item() == 0 and nothing_masked.requires_grad


def test_several_labels_are_compared_one_by_one() -> None:
    student, teacher = seen(STUDENT), seen(TEACHER, seed=1)
    (term,) = terms_for("multi-label-classification", soft_targets=1.0)
    p, q = torch.sigmoid(teacher.logits / 2), torch.sigmoid(student.logits / 2)
    binary = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
    got = term(student, teacher, batch("multi-label-classification")).item()
    assert got == pytest.approx(4 * binary.mean().item(), rel=1e-4)


def test_decoupled_asks_the_teacher_where_no_label_is_known() -> None:
    student, teacher = seen(STUDENT), seen(TEACHER, seed=1)
    (term,) = terms_for(decoupled=1.0)
    targets = teacher.logits.argmax(-1)
    targets[0] = 0
    expected = o.decoupled_kl(student.logits, teacher.logits, targets, temperature=2.0, alpha=1.0, beta=8.0)
    got = term(student, teacher, batch(labelled=[True, False, False, False, False]))
    assert got.item() == pytest.approx(expected.item())


def test_representations_are_means_over_real_tokens_or_the_embedding_itself() -> None:
    student, teacher = seen(STUDENT), seen(TEACHER, seed=1)
    (term,) = terms_for(relation_distance=1.0)
    pooled = [o.mean_pool(s.hidden[n], MASK) for s, n in ((student, 3), (teacher, 6))]
    assert term(student, teacher, batch()).item() == pytest.approx(o.rkd_distance(*pooled).item())
    (term,) = terms_for("sentence-embedding", embedding_cosine=1.0)
    assert term.student_needs == term.teacher_needs == Needs()
    rows = Batch(tuple(range(ROWS)), {"attention_mask": MASK}, None, torch.zeros(ROWS, dtype=torch.bool))
    expected = o.embedding_cosine(student.logits, teacher.logits)
    assert term(student, teacher, rows).item() == pytest.approx(expected.item())


def test_the_contrastive_memory_keeps_the_latest_rows_and_never_its_own() -> None:
    torch.manual_seed(0)
    (term,) = terms_for(contrastive=1.0)
    first = term(seen(STUDENT), seen(TEACHER, seed=1), batch())
    first.backward()  # the memory was written to in between
    assert term.owners.tolist() == [0, 1, 2, 3, 4, -1, -1, -1]
    teacher = seen(TEACHER, seed=2)
    other = Batch(tuple(range(10, 15)), batch().inputs, None, batch().labelled)
    term(seen(STUDENT, seed=3), teacher, other).backward()
    assert term.owners.tolist() == [13, 14, 2, 3, 4, 10, 11, 12]  # the oldest went first
    assert torch.allclose(term.memory[5], o.mean_pool(teacher.hidden[6], MASK)[0])
    assert "memory" in term.state_dict(), "a resumed run needs it"

    # The same rows again: those of the memory are no negatives of themselves, so a copy changes nothing.
    term.eval()
    term.owners.fill_(-1)
    rows = batch()
    alone = term(seen(STUDENT), seen(TEACHER, seed=1), rows).item()
    term.memory[0], term.owners[0] = o.mean_pool(seen(TEACHER, seed=1).hidden[6], MASK)[0].detach(), 0
    known = term(seen(STUDENT), seen(TEACHER, seed=1), rows)
    assert known.item() > alone  # for rows 1 to 4 it is one more negative
    assert term.owners.tolist()[1:] == [-1] * 7, "evaluation writes nothing"
    single = Batch((0,), {"attention_mask": MASK[:1]}, None, batch().labelled[:1])
    value = term(seen(STUDENT, rows=1), seen(TEACHER, seed=1, rows=1), single)
    assert value.item() == pytest.approx(0, abs=1e-6)


def test_a_batch_larger_than_the_memory_leaves_its_last_rows() -> None:
    config = Distill(objectives=SETTINGS.model_copy(update={"contrastive_negatives": 3}))
    (term,) = make_terms(
        only(contrastive=1.0), config, task=get_task(CLASS), student=STUDENT, teacher=TEACHER
    )
    term(seen(STUDENT), seen(TEACHER, seed=1), batch()).backward()
    assert sorted(term.owners.tolist()) == [2, 3, 4]


def test_terms_stay_in_float32_under_autocast() -> None:
    for name in ("relation_angle", "hidden_mse", "attention_relations"):
        (term,) = terms_for(**{name: 1.0})
        args = seen(STUDENT), seen(TEACHER, seed=1), batch()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            inside = term(*args)
        assert inside.dtype == torch.float32
        assert inside.item() == term(*args).item()


REFUSALS: list[tuple[str, str, dict[str, Any], str]] = [
    ("soft_targets", "text-regression", {}, "logit_mse"),
    ("decoupled", "multi-label-classification", {}, "soft_targets"),
    ("soft_targets", "sentence-embedding", {}, "embedding_cosine"),
    ("labels", "sentence-embedding", {}, "0"),
    ("soft_targets", CLASS, {"teacher": replace(TEACHER, classes=5)}, "same labels"),
    ("attention_maps", CLASS, {"student": replace(STUDENT, heads=None)}, "transformer"),
    ("attention_relations", CLASS, {"teacher": replace(TEACHER, heads=None)}, "transformer"),
    ("attention_relations", CLASS, {"student": replace(STUDENT, attention_width=9)}, "divisor of 3"),
    ("embedding_mse", "sentence-embedding", {"teacher": replace(TEACHER, classes=9)}, "projection"),
    ("hidden_mse", CLASS, {"student": replace(STUDENT, layers=0)}, "0"),
    ("soft_targets", CLASS, {"teacher": None}, "teacher"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "task", "shapes", "remedy"), REFUSALS)
def test_terms_that_cannot_be_are_refused(name: str, task: str, shapes: Any, remedy: str) -> None:
    with pytest.raises(TrainingError) as caught:
        terms_for(task, **shapes, **{name: 1.0})
    assert name in caught.value.fact
    assert remedy in caught.value.remedy


def test_label_smoothing_of_numbers_is_refused() -> None:
    config = Distill(label_smoothing=0.1)
    with pytest.raises(TrainingError, match="label smoothing has no meaning"):
        make_terms(only(labels=1), config, task=get_task("text-regression"), student=STUDENT, teacher=None)
