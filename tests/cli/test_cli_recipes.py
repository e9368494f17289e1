"""`edgekit recipes ls | cp | validate`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit.cli.main import main
from edgekit.recipe.library import find_recipe, list_recipes


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEKIT_DEBUG", raising=False)
    return lambda *words: CliRunner().invoke(main, ["recipes", *words], prog_name="edgekit")


def test_ls_shows_every_recipe(call):
    result = call("ls")
    assert result.exit_code == 0
    assert all(recipe.name in result.stdout for recipe in list_recipes())
    assert not any(line.endswith(" ") for line in result.stdout.splitlines())


def test_ls_json(call):
    rows = json.loads(call("ls", "--json").stdout)["recipes"]
    assert [row["name"] for row in rows] == [recipe.name for recipe in list_recipes()]
    (row,) = [row for row in rows if row["name"] == "movie-reviews"]
    assert row["task"] == "text-classification"
    assert row["targets"] == ["onnx fp32/int8", "onnxruntime fp32/int8-static", "coreml fp16/int8"]
    assert Path(row["path"]).is_file()


def test_cp_makes_an_equal_file_that_validates(call, tmp_path):
    result = call("cp", "movie-reviews")
    assert result.exit_code == 0 and result.stdout.startswith("Wrote movie-reviews.yaml\n")
    assert Path("movie-reviews.yaml").read_bytes() == find_recipe("movie-reviews").read_bytes()
    assert call("validate", "movie-reviews.yaml").stdout == "movie-reviews.yaml: valid\n"


def test_cp_into_a_folder_and_as_json(call, tmp_path):
    (tmp_path / "configs").mkdir()
    assert (
        json.loads(call("cp", "movie-reviews", "configs", "--json").stdout)["path"]
        == "configs/movie-reviews.yaml"
    )
    assert Path("configs/movie-reviews.yaml").is_file()


def test_cp_does_not_overwrite_unless_forced(call):
    Path("mine.yaml").write_text("mine")
    result = call("cp", "movie-reviews", "mine.yaml")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: mine.yaml exists already.\nGive another name, or overwrite it with --force.\n"
    )
    assert Path("mine.yaml").read_text() == "mine"
    assert call("cp", "movie-reviews", "mine.yaml", "--force").exit_code == 0
    assert Path("mine.yaml").read_bytes() == find_recipe("movie-reviews").read_bytes()


def test_cp_of_an_unknown_recipe(call):
    result = call("cp", "movie-reveiws")
    assert result.exit_code == 2
    assert "did you mean 'movie-reviews'?" in result.stderr


def test_validate_with_overrides(call):
    assert call("validate", "movie-reviews", "distill.epochs=5").exit_code == 0
    result = call("validate", "movie-reviews", "distill.epocs=5")
    assert result.exit_code == 2
    assert "override 'distill.epocs=5': distill.epocs: unknown key; did you mean 'epochs'?" in result.stderr


def test_validate_several_says_what_is_wrong_with_each(call):
    Path("bad.yaml").write_text("name: x\n")
    Path("worse.yaml").write_text("")
    result = call("validate", "movie-reviews", "bad.yaml", "worse.yaml")
    assert result.exit_code == 2
    assert result.stdout == "movie-reviews: valid\n"
    assert result.stderr.startswith(
        "Error: 2 of 3 recipes are not valid:\n  bad.yaml\n    bad.yaml: data: missing"
    )
    assert "  worse.yaml\n    worse.yaml: the file is empty\n" in result.stderr


def test_validate_json_is_one_object(call):
    Path("bad.yaml").write_text("name: x\n")
    result = call("validate", "movie-reviews", "bad.yaml", "--json")
    assert result.exit_code == 2 and result.stderr == ""
    good, bad = json.loads(result.stdout)["recipes"]
    assert good == {"file": "movie-reviews", "valid": True, "name": "movie-reviews", "problems": []}
    assert bad["valid"] is False and len(bad["problems"]) == 2


def test_validate_needs_a_file(call):
    result = call("validate", "distill.epochs=5")
    assert result.exit_code == 2 and "at least one FILE" in result.stderr


@pytest.mark.parametrize("words", [[], ["ls", "--help"], ["cp", "--help"], ["validate", "--help"]])
def test_every_help_has_examples(call, words):
    result = call(*words)
    assert "Examples:" in result.output and "Error" not in result.output
