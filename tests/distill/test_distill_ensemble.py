"""Several teachers as one: the mean is of probabilities, and who is sure counts for more."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from edgekit.distill.ensemble import Ensemble, ask_all, combined
from edgekit.distill.knowledge import Batch, Needs, Seen
from edgekit.errors import ModelError
from edgekit.tasks import TASKS

CLASS, SEVERAL = TASKS["text-classification"], TASKS["multi-label-classification"]
NUMBER, TAGS = TASKS["text-regression"], TASKS["token-classification"]


def logits(*probabilities: float) -> torch.Tensor:
    """`[1, C]` logits of these probabilities, at an arbitrary height."""
    return torch.tensor([probabilities]).log() + 3.0


def test_probabilities_are_averaged_by_weight() -> None:
    both = torch.stack([logits(0.9, 0.1), logits(0.5, 0.5)])
    mixed = combined(both, [1.0, 3.0], task=CLASS, combine="mean")
    torch.testing.assert_close(mixed.exp(), torch.tensor([[0.6, 0.4]]))


def test_large_logits_do_not_outvote() -> None:
    """A mean of logits would give the first class 1.0; a mean of probabilities gives one vote of two."""
    both = torch.stack([torch.tensor([[1000.0, 0.0]]), logits(0.2, 0.8)])
    mixed = combined(both, [1.0, 1.0], task=CLASS, combine="mean")
    torch.testing.assert_close(mixed.exp(), torch.tensor([[0.6, 0.4]]))


def test_several_labels_are_averaged_one_by_one() -> None:
    both = torch.stack([torch.logit(torch.tensor([[0.9, 0.2]])), torch.logit(torch.tensor([[0.7, 0.4]]))])
    mixed = combined(both, [1.0, 1.0], task=SEVERAL, combine="mean")
    torch.testing.assert_close(mixed.sigmoid(), torch.tensor([[0.8, 0.3]]))


def test_numbers_are_averaged() -> None:
    both = torch.tensor([[[1.0]], [[4.0]]])
    torch.testing.assert_close(combined(both, [2.0, 1.0], task=NUMBER, combine="mean"), torch.tensor([[2.0]]))


def test_confidence_follows_whoever_knows_the_row() -> None:
    knows, guesses = (0.99, 0.01), (0.5, 0.5)
    both = torch.stack(
        [torch.cat([logits(*knows), logits(*guesses)]), torch.cat([logits(*guesses), logits(*knows)])]
    )
    mixed = combined(both, [1.0, 1.0], task=CLASS, combine="confidence").exp()
    torch.testing.assert_close(mixed, torch.tensor([knows, knows]), atol=1e-3, rtol=0)


def test_confidence_is_one_minus_the_entropys_share() -> None:
    rows = (0.9, 0.1), (0.7, 0.3)
    certain = [1 + sum(p * math.log(p) for p in row) / math.log(2) for row in rows]
    expected = sum(c * row[0] for c, row in zip(certain, rows, strict=True)) / sum(certain)
    both = torch.stack([logits(*row) for row in rows])
    mixed = combined(both, [1.0, 1.0], task=CLASS, combine="confidence")
    assert mixed.exp()[0, 0].item() == pytest.approx(expected, rel=1e-5)


def test_teachers_who_all_know_nothing_count_by_their_weights() -> None:
    both = torch.stack([logits(0.5, 0.5), logits(0.5, 0.5)])
    mixed = combined(both, [1.0, 3.0], task=CLASS, combine="confidence")
    torch.testing.assert_close(mixed.exp(), torch.tensor([[0.5, 0.5]]))


def test_confidence_over_several_labels_is_their_mean() -> None:
    sure, unsure = torch.tensor([[8.0, -8.0, 8.0]]), torch.zeros(1, 3)
    mixed = combined(torch.stack([unsure, sure]), [1.0, 1.0], task=SEVERAL, combine="confidence")
    torch.testing.assert_close(mixed.sigmoid(), sure.sigmoid(), atol=5e-3, rtol=0)


class Says:
    """A teacher that always says the same."""

    module = None

    def __init__(self, seen: Seen, needs: Needs) -> None:
        self.seen, self.needs = seen, needs

    def __call__(self, batch: Batch) -> Seen:
        return self.seen

    def live(self, inputs: Any) -> Seen:
        return self.seen


def test_inner_states_are_the_first_teachers_and_only_it_is_asked_for_them() -> None:
    asked = []
    state = torch.ones(1, 4, 8)

    def asking(answer: torch.Tensor) -> Any:
        def ask(needs: Needs) -> Says:
            asked.append(needs)
            return Says(Seen(answer, hidden={2: state} if needs.hidden else {}), needs)

        return ask

    needs = Needs(hidden=frozenset({2}))
    teacher = ask_all(
        [asking(logits(0.9, 0.1)), asking(logits(0.5, 0.5))],
        needs,
        task=CLASS,
        weights=[1.0, 1.0],
        combine="mean",
    )
    assert isinstance(teacher, Ensemble) and teacher.needs == needs
    assert asked == [needs, Needs()]
    batch = Batch((0,), {"attention_mask": torch.ones(1, 4)}, None, torch.tensor([False]))
    seen = teacher(batch)
    assert seen.hidden[2] is state
    torch.testing.assert_close(seen.logits.exp(), torch.tensor([[0.7, 0.3]]))
    torch.testing.assert_close(teacher.live({}).logits, seen.logits)


def test_every_token_has_its_own_confidence() -> None:
    knows, guesses = torch.tensor([5.0, -5.0]), torch.zeros(2)
    first, second = torch.stack([knows, guesses])[None], torch.stack([guesses, knows])[None]
    mixed = combined(torch.stack([first, second]), [1.0, 1.0], task=TAGS, combine="confidence")
    assert mixed.shape == (1, 2, 2)
    assert (mixed.exp()[0, :, 0] > 0.99).all()


@pytest.mark.parametrize(
    ("task", "combine"), [("sentence-embedding", "mean"), ("text-regression", "confidence")]
)
def test_what_has_no_mean_is_refused(task: str, combine: Any) -> None:
    with pytest.raises(ModelError) as error:
        ask_all([], Needs(), task=TASKS[task], weights=[], combine=combine)
    assert task in error.value.remedy
