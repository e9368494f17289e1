"""What a base model suggests, what a recipe narrows, and a draw as a recipe."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
import pytest

from edgekit.errors import ModelError, RecipeError
from edgekit.fit.proposals import own_choice
from edgekit.fit.space import draw, params_of, recipe_with, smallest_choices, space_of, words
from edgekit.pipeline import prepare
from edgekit.recipe.load import load_recipe
from edgekit.recipe.schema import Range, Recipe
from edgekit.stages.context import Context


@pytest.fixture
def recipe(tmp_path: Path, tiny_classifier: Path, reviews_csv: Path) -> Recipe:
    path = tmp_path / "tiny.yaml"
    path.write_text(
        f"name: tiny\ndata: {{source: {{path: {reviews_csv}}}}}\n"
        f"teacher: {{model: {{path: {tiny_classifier}}}}}\nstudent: {{layers: 2}}\n"
        "exports: [{target: onnx, precisions: [fp32]}]\n"
    )
    return load_recipe(path)


def prepared(recipe: Recipe, tmp_path: Path) -> Context:
    return prepare(recipe, tmp_path / "out", offline=True)


def narrowed(recipe: Recipe, **fit: object) -> Recipe:
    return Recipe.model_validate({**recipe.model_dump(exclude_unset=True), "fit": fit})


def test_the_space_follows_the_base_model(recipe: Recipe, tmp_path: Path) -> None:
    space = space_of(prepared(recipe, tmp_path))
    assert space["student.layers"] == Range(low=1, high=4)
    assert space["student.hidden_size"] == Range(low=8, high=32, step=8), "multiples of a head's 8"
    assert space["student.intermediate_size"] == Range(low=8, high=64, step=8)
    assert space["student.embedding_rank"] == (None, 5, 10)
    assert "student.vocabulary.size" not in space, "64 tokens leave nothing to choose"
    assert space["data.augment"] == (None, {"copies": 2})
    assert space["distill.hard_samples"] == (None, {})


def test_a_recipe_narrows_pins_and_drops(recipe: Recipe, tmp_path: Path) -> None:
    own = {"student": {"layers": [1, 2]}, "student.hidden_size": None, "distill.epochs": [3]}
    space = space_of(prepared(narrowed(recipe, space=own), tmp_path))
    assert space["student.layers"] == (1, 2) and space["distill.epochs"] == (3,)
    assert "student.hidden_size" not in space and "student.intermediate_size" in space
    alone = space_of(prepared(narrowed(recipe, space=own, derive=False), tmp_path))
    assert set(alone) == {"student.layers", "distill.epochs"}
    with pytest.raises(RecipeError, match="nothing to choose"):
        space_of(prepared(narrowed(recipe, derive=False), tmp_path))


def test_a_draw_is_a_valid_recipe_and_can_be_proposed_again(recipe: Recipe, tmp_path: Path) -> None:
    context = prepared(recipe, tmp_path)
    space, config = space_of(context), context.base.module.config
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(8):
        chosen = draw(study.ask(), space)
        made = recipe_with(recipe, chosen, config)
        assert made.student.layers == chosen["student.layers"]
        assert made.distill.temperature == chosen["distill.temperature"]
        assert made.data.augment is None or made.data.augment.copies == 2
        assert draw(optuna.trial.FixedTrial(params_of(chosen, space)), space) == chosen
        assert made.data.source == recipe.data.source and made.teacher == recipe.teacher


def test_the_recipes_own_student_is_a_draw_too(recipe: Recipe, tmp_path: Path) -> None:
    context = prepared(recipe, tmp_path)
    space = space_of(context)
    params = params_of(own_choice(recipe, space), space)
    assert params["student.layers"] == 2 and params["student.hidden_size"] == 32
    assert json.loads(params["data.augment"]) is None
    made = recipe_with(recipe, draw(optuna.trial.FixedTrial(params), space), context.base.module.config)
    assert made.student == recipe.student


def test_two_ways_to_say_one_student_are_one_recipe(recipe: Recipe, tmp_path: Path) -> None:
    config = prepared(recipe, tmp_path).base.module.config
    plain = recipe_with(recipe, {"student.layers": 2}, config)
    whole = {"student.layers": 2, "student.hidden_size": 32, "student.intermediate_size": 64}
    assert recipe_with(recipe, {**whole, "student.embedding_rank": 32}, config) == plain
    assert words(plain, config) == "2 layers, all tokens"
    thin = recipe_with(recipe, {**whole, "student.hidden_size": 16, "student.embedding_rank": 5}, config)
    assert words(thin, config) == "2 layers, width 16, all tokens of rank 5"


def test_a_key_inside_a_section_that_the_task_fills_changes_that_key_alone(recipe: Recipe) -> None:
    made = recipe_with(recipe, {"distill.weights.labels": 0.0, "student.vocabulary.size": 40})
    assert made.distill.weights.labels == 0.0
    assert made.distill.weights.soft_targets == recipe.distill.weights.soft_targets > 0
    assert made.student.vocabulary is not None and made.student.vocabulary.size == 40


def test_a_student_that_lacks_tokens_is_not_compared_token_by_token(recipe: Recipe) -> None:
    assert recipe.distill.weights.hidden_cosine > 0
    assert recipe_with(recipe, {"student.vocabulary.size": 40}).distill.weights.hidden_cosine == 0.0
    whole = recipe_with(recipe, {"student.vocabulary": {"min_count": 1}})
    assert whole.distill.weights.hidden_cosine == recipe.distill.weights.hidden_cosine


def test_values_that_do_not_go_together_are_refused_in_words(recipe: Recipe) -> None:
    with pytest.raises(ModelError, match="only a student cut from its teacher"):
        recipe_with(recipe, {"student.architecture": "cnn", "student.heads": 2})


def test_the_smallest_student_is_that_of_every_low_end() -> None:
    space = {
        "student.layers": Range(low=1, high=4),
        "student.embedding_rank": (None, 10, 5),
        "student.vocabulary": ({"size": 900}, {"size": 300}),
        "distill.temperature": (4.0, 2.0),
    }
    with_rank, without = smallest_choices(space)
    assert with_rank["student.layers"] == 1 and with_rank["student.embedding_rank"] == 5
    assert with_rank["student.vocabulary"] == {"size": 300}
    assert without == {**with_rank, "student.embedding_rank": None}


def test_a_student_with_every_token_of_the_texts_is_compared_token_by_token(recipe: Recipe) -> None:
    every = recipe_with(recipe, {"student.vocabulary.size": 60, "distill.hard_samples": {}}, tokens=60)
    assert every.student.vocabulary is not None and every.student.vocabulary.size is None
    assert every.distill.weights.hidden_cosine > 0 and every.distill.hard_samples is not None
    changed = {"student.vocabulary.size": 60, "data.augment": {"copies": 2}}
    copies = recipe_with(recipe, changed, tokens=60)
    assert copies.student.vocabulary is not None and copies.student.vocabulary.size == 60
    assert copies.distill.weights.hidden_cosine == 0, "copies have words that the texts lack"


@pytest.mark.parametrize(
    "cut", [{"student.vocabulary.size": 40}, {"student.hidden_size": 16}, {"student.embedding_rank": 5}]
)
def test_samples_are_not_generated_for_a_student_that_can_not_read_them(
    recipe: Recipe, tmp_path: Path, cut: dict[str, int]
) -> None:
    config = prepared(recipe, tmp_path).base.module.config
    generated = {"distill.hard_samples": {}}
    assert recipe_with(recipe, generated, config).distill.hard_samples is not None
    assert recipe_with(recipe, {**generated, **cut}, config).distill.hard_samples is None
