"""Lazy rows are AdamW's rows; schedules; optimizers that keep two sets of weights ship the right one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from edgekit.distill.loop import train
from edgekit.distill.optimizers import lazy_adamw, learning_rate_at
from edgekit.errors import TrainingError
from edgekit.recipe.schema import Training
from tests.distill.kill_worker import make_job


def sparse(rows: list[int], values: torch.Tensor, shape: Any) -> torch.Tensor:
    return torch.sparse_coo_tensor(torch.tensor([rows]), values, shape, check_invariants=True).coalesce()


def test_lazy_updates_of_all_rows_are_adamw() -> None:
    torch.manual_seed(0)
    table = torch.nn.Parameter(torch.randn(6, 4))
    other = torch.nn.Parameter(table.detach().clone())
    lazy = lazy_adamw([table], lr=0.01, weight_decay=0.1)
    dense = torch.optim.AdamW([other], lr=0.01, weight_decay=0.1)
    for _ in range(20):
        other.grad = torch.randn(6, 4)
        table.grad = sparse(list(range(6)), other.grad.clone(), table.shape)
        lazy.step(), dense.step()
        torch.testing.assert_close(table, other, rtol=1e-5, atol=1e-6)


def test_lazy_updates_leave_other_rows_and_their_moments_alone() -> None:
    torch.manual_seed(0)
    table = torch.nn.Parameter(torch.randn(6, 4))
    before = table.detach().clone()
    lazy = lazy_adamw([table], lr=0.01, weight_decay=0.1)
    table.grad = sparse([1, 4], torch.ones(2, 4), table.shape)
    lazy.step()
    still = [0, 2, 3, 5]
    assert torch.equal(table[still], before[still])
    assert lazy.state[table]["exp_avg"][still].abs().sum() == 0
    # The first step of Adam is lr · sign(gradient), after the decay.
    torch.testing.assert_close(table[[1, 4]], before[[1, 4]] * (1 - 0.001) - 0.01)


def everywhere(job: Any) -> Any:
    """The job with every row in one batch, so that every used token is used in every step."""
    return replace(job, batches=lambda epoch: [list(range(256))])


def used_tokens(job: Any) -> torch.Tensor:
    ids = torch.cat([job.collate([i], 0).inputs["input_ids"].flatten() for i in range(256)]).unique()
    return ids[ids != 0]  # padding gets no gradient


def test_training_with_lazy_tables_equals_dense_on_the_rows_that_every_batch_uses(
    tiny_classifier: Path, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "epochs": 8,
        "dropout": 0,
        "evaluations_per_epoch": 1,
        "learning_rate": 1e-3,
        "max_grad_norm": 0.05,
    }
    dense = everywhere(make_job(tiny_classifier, tmp_path / "dense", **settings))
    lazy = everywhere(make_job(tiny_classifier, tmp_path / "lazy", embedding_updates="lazy", **settings))
    start = lazy.model.module.get_input_embeddings().weight.detach().clone()
    one, other = train(dense), train(lazy)
    for a, b in zip(one.curve, other.curve, strict=True):
        assert b.train_loss == pytest.approx(a.train_loss, rel=1e-4), "clipping counts the table"
    table = lazy.model.module.get_input_embeddings()
    used = used_tokens(lazy)
    expected = dense.model.module.get_input_embeddings().weight
    torch.testing.assert_close(table.weight[used], expected[used], rtol=1e-3, atol=1e-4)
    unused = torch.ones(len(start), dtype=torch.bool)
    unused[used] = False
    assert unused.sum() > 10 and torch.equal(table.weight[unused], start[unused])
    assert not table.sparse, "put back"


def test_frozen_tables_stay_and_can_learn_again_afterwards(tiny_classifier: Path, tmp_path: Path) -> None:
    job = make_job(tiny_classifier, tmp_path, embedding_updates="frozen", epochs=3)
    table = job.model.module.get_input_embeddings().weight
    start = table.detach().clone()
    assert train(job).best_score > 0.9
    assert torch.equal(table, start) and table.requires_grad


def test_a_tied_table_can_not_be_updated_lazily(tiny_classifier: Path, tmp_path: Path) -> None:
    tied = make_job(tiny_classifier, tmp_path, embedding_updates="lazy")
    tied.distiller.output = torch.nn.Linear(32, 10)
    tied.distiller.output.weight = tied.model.module.get_input_embeddings().weight
    with pytest.raises(TrainingError, match="also the weight of output"):
        train(tied)
    assert not tied.model.module.get_input_embeddings().sparse


@pytest.mark.parametrize(("optimizer", "rate", "epochs"), [("schedule-free", 3e-3, 6), ("prodigy", 1.0, 12)])
def test_optimizers_without_a_tuned_schedule_learn(
    tiny_classifier: Path, tmp_path: Path, optimizer: str, rate: float, epochs: int
) -> None:
    job = make_job(tiny_classifier, tmp_path, optimizer=optimizer, learning_rate=rate, epochs=epochs)
    assert train(job).best_score > 0.9


def test_schedule_free_ships_the_averaged_weights(tiny_classifier: Path, tmp_path: Path) -> None:
    job = make_job(tiny_classifier, tmp_path, optimizer="schedule-free", keep_best=False)
    outcome = train(job)
    assert job.judge(job.model.module, torch.no_grad, "cpu") == outcome.curve[-1].validation_score


def rates(**settings: Any) -> list[float]:
    config = Training(learning_rate=1.0, warmup_ratio=0.1, **settings)
    return [learning_rate_at(s, total=100, config=config) for s in range(100)]


def test_the_learning_rate_warms_up_and_decays_to_zero() -> None:
    adamw = rates()
    assert adamw[0] == pytest.approx(0.1)
    assert max(adamw) == pytest.approx(1.0) and adamw.index(max(adamw)) in (9, 10)
    assert adamw[-1] == pytest.approx(1 / 90)
    assert all(a >= b for a, b in itertools.pairwise(adamw[10:]))


def test_schedule_free_stays_and_prodigy_only_decays() -> None:
    free, prodigy = rates(optimizer="schedule-free"), rates(optimizer="prodigy")
    assert free[:2] == pytest.approx([0.1, 0.2]) and set(free[9:]) == {1.0}
    assert prodigy[0] == 1.0 and prodigy[50] == pytest.approx(0.5)
