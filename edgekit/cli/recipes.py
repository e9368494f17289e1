"""`edgekit recipes`: list, copy and check recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgekit.cli import console
from edgekit.cli.options import json_option, split_overrides
from edgekit.errors import RecipeError


@click.group(no_args_is_help=True)
def command() -> None:
    """List, copy and check recipes.

    \b
    Examples:
      edgekit recipes ls
      edgekit recipes cp movie-reviews mine.yaml
      edgekit recipes validate mine.yaml distill.epochs=5
    """


@command.command("ls")
@json_option
def list_shipped(as_json: bool) -> None:
    """List the recipes that edgekit ships.

    \b
    Examples:
      edgekit recipes ls
      edgekit recipes ls --json
    """
    from edgekit.recipe.library import list_recipes

    rows = [_row(shipped.name, shipped.path) for shipped in list_recipes()]
    if as_json:
        console.emit_json({"recipes": rows})
        return
    console.table(
        ("Recipe", "Task", "Targets", "Description"),
        [(r["name"], r["task"] or "", ", ".join(r["targets"]), r["description"]) for r in rows],
    )
    console.say("Run one with: edgekit run NAME    Copy one with: edgekit recipes cp NAME")


def _row(name: str, path: Path) -> dict[str, Any]:
    from edgekit.recipe.load import load_recipe, shown_path

    row: dict[str, Any] = {"name": name, "path": shown_path(path), "task": None, "targets": []}
    try:
        recipe = load_recipe(path)
    except RecipeError as error:
        return row | {"description": f"not valid: {error.problems[0]}"}
    targets = [f"{export.target} {'/'.join(export.precisions)}" for export in recipe.exports]
    return row | {"task": recipe.task, "targets": targets, "description": recipe.description}


@command.command("cp", short_help="Copy a recipe, to change it.")
@click.argument("name")
@click.argument("destination", metavar="[DEST]", required=False, type=click.Path(path_type=Path))
@click.option("--force", "-f", is_flag=True, help="Overwrite a file that is there.")
@json_option
def copy(name: str, destination: Path | None, force: bool, as_json: bool) -> None:
    """Copy the recipe NAME to DEST (a file or a folder; by default NAME.yaml here), to change it.

    \b
    Examples:
      edgekit recipes cp movie-reviews
      edgekit recipes cp movie-reviews my-reviews.yaml
      edgekit recipes cp movie-reviews configs/ --force
    """
    from edgekit.files import atomic
    from edgekit.recipe.library import find_recipe
    from edgekit.recipe.load import shown_path

    source = find_recipe(name)
    target = Path(source.name) if destination is None else destination
    if target.is_dir():
        target = target / source.name
    if target.exists() and not force:
        raise RecipeError(
            f"{shown_path(target)} exists already.",
            remedy="Give another name, or overwrite it with --force.",
        )
    with atomic(target) as temporary:
        temporary.write_bytes(source.read_bytes())
    shown = shown_path(target)
    if as_json:
        console.emit_json({"name": name, "source": shown_path(source), "path": shown})
        return
    console.say(f"Wrote {shown}")
    console.say(f"Check it after a change with: edgekit recipes validate {shown}")


@command.command("validate", short_help="Check recipes, and say all that is wrong.")
@click.argument("words", metavar="FILE... [KEY=VALUE]...", nargs=-1, required=True)
@json_option
def validate(words: tuple[str, ...], as_json: bool) -> int:
    """Check recipes, and say everything that is wrong with each, by line.

    KEY=VALUE is laid over every FILE before it is checked.

    \b
    Examples:
      edgekit recipes validate mine.yaml
      edgekit recipes validate recipes/*.yaml --json
      edgekit recipes validate movie-reviews distill.epochs=5 'exports.0.precisions=[fp32]'
    """
    from edgekit.recipe.load import load_recipe

    files, overrides = split_overrides(words)
    if not files:
        raise click.UsageError("Give at least one FILE to check.", click.get_current_context())
    results: list[dict[str, Any]] = []
    failures: list[RecipeError] = []
    for file in files:
        try:
            recipe = load_recipe(file, overrides)
        except RecipeError as error:
            failures.append(error)
            results.append(
                {
                    "file": file,
                    "valid": False,
                    "name": None,
                    "problems": list(error.problems or (error.fact,)),
                }
            )
        else:
            results.append({"file": file, "valid": True, "name": recipe.name, "problems": []})
    if as_json:
        console.emit_json({"recipes": results})
        return RecipeError.exit_code if failures else 0
    for result in results:
        if result["valid"]:
            console.say(f"{result['file']}: valid")
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise RecipeError(
            "\n".join([f"{len(failures)} of {len(results)} recipes are not valid:", *_told(results)]),
            remedy="Correct the above and check again.",
            problems=tuple(p for result in results for p in result["problems"]),
        )
    return 0


def _told(results: list[dict[str, Any]]) -> list[str]:
    lines = []
    for result in results:
        if not result["valid"]:
            lines += [f"  {result['file']}", *(f"    {problem}" for problem in result["problems"])]
    return lines
