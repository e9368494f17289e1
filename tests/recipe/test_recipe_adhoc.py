"""Flags become a recipe, and its errors name what was typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit.adhoc import adhoc_recipe
from edgekit.cli.distill import command
from edgekit.errors import RecipeError
from edgekit.recipe.schema import LossWeights, Recipe
from edgekit.types import LabelledFile


@pytest.fixture
def made(tiny_classifier: Path, reviews_csv: Path):
    def make(**options) -> Recipe:
        return adhoc_recipe(str(tiny_classifier), LabelledFile(reviews_csv), **options)

    return make


def test_plain_arguments_keep_the_recipes_own_defaults(made) -> None:
    recipe = made()
    assert recipe.task == "text-classification" and recipe.distill.mode == "offline"
    assert recipe.distill.weights == LossWeights() and recipe.distill.temperature == 2.0
    assert "temperature" not in recipe.distill.model_fields_set
    assert recipe.teacher.finetune is None, "this teacher has its head"


def test_named_losses_are_the_only_ones(made) -> None:
    weights = made(losses={"soft_targets": 1.0, "attention_relations": 2.0}).distill.weights
    assert {k: v for k, v in weights.model_dump().items() if v} == {
        "soft_targets": 1.0,
        "attention_relations": 2.0,
    }


def test_a_task_has_losses_of_its_own(made) -> None:
    weights = made(task="text-regression").distill.weights
    assert weights.soft_targets == 0 and weights.logit_mse > 0


@pytest.mark.parametrize(
    ("task", "epochs"),
    [("text-classification", 0), ("token-classification", 3), ("masked-lm", 3), ("sentence-embedding", 0)],
)
def test_a_teacher_without_the_tasks_head_is_trained_first(made, task: str, epochs: int) -> None:
    finetune = made(task=task).teacher.finetune
    assert (finetune.epochs if finetune else 0) == epochs


def test_any_other_key_can_be_set(made) -> None:
    recipe = made(
        mode="mutual",
        overrides=("distill.mutual.peers=3", "distill.assistants=[{layers: 4}]", "distill.epochs=9"),
        epochs=2,
    )
    assert recipe.distill.mode == "mutual" and recipe.distill.mutual.peers == 3
    assert recipe.distill.assistants[0].layers == 4
    assert recipe.distill.epochs == 9, "what is set wins"


def test_errors_name_what_was_typed(made) -> None:
    with pytest.raises(RecipeError) as error:
        made(losses={"soft_target": 1.0, "labels": 0.5}, overrides=("distill.epoch=3",))
    told = "\n".join(error.value.problems)
    assert "--loss soft_target=1: " in told and "did you mean 'soft_targets'?" in told
    assert "'distill.epoch=3'" in told and "did you mean 'epochs'?" in told


@pytest.mark.parametrize("typed", ["soft_targets", "=1", "soft_targets=much"])
def test_a_loss_is_a_name_and_a_weight(typed: str, tiny_classifier: Path, reviews_csv: Path) -> None:
    result = CliRunner().invoke(
        command, [str(tiny_classifier), "--data", str(reviews_csv), "--loss", typed], standalone_mode=True
    )
    assert result.exit_code == 2 and f"'{typed}': write NAME=WEIGHT" in result.output


def test_the_help_has_an_example_of_each(tmp_path: Path) -> None:
    told = CliRunner().invoke(command, ["--help"]).output
    for option in ("--task", "--mode", "--loss", "--set"):
        assert told.count(option) >= 2, option
