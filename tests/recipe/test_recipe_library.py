"""The shipped recipes."""

import pytest

from edgekit.errors import RecipeError
from edgekit.recipe import library
from edgekit.recipe.dump import to_yaml
from edgekit.recipe.library import find_recipe, library_folder, list_recipes
from edgekit.recipe.load import load_recipe

SHIPPED = list_recipes()


def test_the_library_is_not_empty():
    assert "movie-reviews" in [recipe.name for recipe in SHIPPED]


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda recipe: recipe.name)
def test_every_shipped_recipe_is_valid_and_named_for_its_file(shipped):
    recipe = load_recipe(shipped.path)
    assert recipe.name == shipped.path.stem
    assert load_recipe(shipped.name) == recipe


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda recipe: recipe.name)
def test_every_shipped_recipe_survives_being_written_out(shipped, tmp_path):
    recipe = load_recipe(shipped.path)
    copy = tmp_path / "copy.yaml"
    copy.write_text(to_yaml(recipe), encoding="utf-8")
    assert load_recipe(copy) == recipe


def test_every_yaml_below_the_folder_is_listed():
    assert {recipe.path for recipe in SHIPPED} == {
        p for p in library_folder().rglob("*") if p.suffix in (".yaml", ".yml")
    }


def test_an_installed_wheel_has_its_recipes_in_the_package(tmp_path, monkeypatch):
    package = tmp_path / "edgekit"
    package.mkdir()
    (tmp_path / "recipes").mkdir()
    monkeypatch.setattr(library.edgekit, "__file__", str(package / "__init__.py"))
    assert library_folder() == tmp_path / "recipes"
    (package / "recipes").mkdir()
    assert library_folder() == package / "recipes"


def test_a_recipe_in_a_folder_is_found_by_its_path(tmp_path):
    (tmp_path / "speech").mkdir()
    file = tmp_path / "speech" / "keywords.yaml"
    file.touch()
    assert [recipe.name for recipe in list_recipes(tmp_path)] == ["speech/keywords"]
    assert find_recipe("speech/keywords", tmp_path) == file
    assert find_recipe("speech/keywords.yaml", tmp_path) == file


def test_a_file_goes_before_a_shipped_recipe_and_a_folder_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "movie-reviews").mkdir()
    assert find_recipe("movie-reviews").parent == library_folder()
    (tmp_path / "movie-reviews").rmdir()
    (tmp_path / "movie-reviews").touch()
    assert find_recipe("movie-reviews").absolute() == tmp_path / "movie-reviews"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("movie-reveiws", "did you mean 'movie-reviews'?"),
        ("recipes/movie-review.yaml", "did you mean 'movie-reviews'?"),
        ("zzzz", "none of that name is shipped."),
        ("a\0b", "none of that name is shipped."),
        ("x" * 5000, "none of that name is shipped."),
    ],
)
def test_an_unknown_name_gets_a_suggestion(name, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError) as caught:
        find_recipe(name)
    assert caught.value.fact.endswith(said)
    assert "edgekit recipes ls" in caught.value.remedy


def test_a_folder_is_said_to_be_one(tmp_path):
    with pytest.raises(RecipeError, match="is a folder"):
        find_recipe(tmp_path)
