"""A recipe put together in Python or from flags."""

import pytest

from edgekit.errors import RecipeError
from edgekit.recipe.mapping import recipe_from_mapping

FLAGS = {
    "name": "mine",
    "data": {"source": {"path": "r.csv"}, "columns": ("id", "text")},
    "teacher": {"model": {"path": "t"}},
}


def test_a_mapping_is_validated_and_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = recipe_from_mapping(FLAGS, origin="command line")
    assert recipe.data.source.path == tmp_path / "r.csv"
    assert recipe.data.columns == ("id", "text")
    assert FLAGS["data"]["source"] == {"path": "r.csv"}


def test_pathlib_paths_are_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = recipe_from_mapping(FLAGS | {"teacher": {"model": {"path": tmp_path / "t"}}}, origin="x")
    assert recipe.teacher.model.path == tmp_path / "t"


def test_errors_name_the_origin_or_the_flag():
    with pytest.raises(RecipeError) as caught:
        recipe_from_mapping(
            FLAGS | {"distill": {"epochs": 0, "temprature": 2}},
            origin="command line",
            labels={"distill.epochs": "--epochs 0"},
        )
    assert set(caught.value.problems) == {
        "--epochs 0: distill.epochs: must be a whole number from 1 to 1000, not 0",
        "command line: distill.temprature: unknown key; did you mean 'temperature'?",
    }


def test_a_missing_section():
    with pytest.raises(RecipeError) as caught:
        recipe_from_mapping({"name": "x"}, origin="command line")
    assert [p.split(": ")[1] for p in caught.value.problems] == ["data", "teacher"]
    assert all("missing; it must be a section" in p for p in caught.value.problems)
