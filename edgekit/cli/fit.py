"""`edgekit fit`: the student that a budget allows."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli import console
from edgekit.cli.options import json_option, out_option, quiet_option, split_overrides


@click.command(short_help="Search for a student inside a budget.")
@click.argument("words", metavar="RECIPE [KEY=VALUE]...", nargs=-1, required=True)
@click.option("--max-bytes", metavar="SIZE", help="Largest file, such as 8MB.")
@click.option(
    "--max-latency-ms", type=click.FloatRange(min=0, min_open=True), help="Slowest median row, at batch 1."
)
@click.option(
    "--min-retention",
    type=click.FloatRange(0, 2, min_open=True),
    help="Share of the teacher's score to keep, such as 0.97.",
)
@click.option("--trials", type=click.IntRange(min=1), help="Students to train. [default: the recipe's, 40]")
@click.option(
    "--hours", type=click.FloatRange(min=0, min_open=True), help="Start none after that; go on next time."
)
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, help="Of the search. [default: 0]")
@out_option(help="Results folder of the recipe; the search works in its fit/. [default: exported/<name>]")
@click.option("--dry-run", is_flag=True, help="Show what would be searched; do nothing.")
@click.option("--offline", is_flag=True, help="Use cached downloads only.")
@json_option
@quiet_option
def command(
    words: tuple[str, ...],
    max_bytes: str | None,
    max_latency_ms: float | None,
    min_retention: float | None,
    trials: int | None,
    hours: float | None,
    workers: int,
    seed: int,
    out: Path | None,
    dry_run: bool,
    offline: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Search for students of RECIPE's teacher inside a budget of bytes, milliseconds, score, or some of them.

    Sizes and times are measured on untrained students, so only what can fit is trained. A search that was
    stopped goes on where it was; the same command in a second terminal joins it. Exits with 9 if no student
    fits, and says which bound to relax.

    \b
    Examples:
      edgekit fit movie-reviews --max-bytes 8MB --min-retention 0.97 --max-latency-ms 1 --dry-run
      edgekit fit movie-reviews --max-bytes 8MB --min-retention 0.97 --hours 4 --workers 2
      edgekit fit mine.yaml --max-latency-ms 0.5 fit.space.student.layers=[1,2] distill.epochs=12
    """
    from edgekit.fit.bounds import Bounds
    from edgekit.fit.run import Options, fit_recipe, plan_fit
    from edgekit.recipe.load import load_recipe

    names, overrides = split_overrides(words)
    if len(names) != 1:
        raise click.UsageError("Give exactly one RECIPE.", click.get_current_context())
    recipe = load_recipe(names[0], overrides)
    bounds = Bounds(_size(max_bytes), max_latency_ms, min_retention)
    options = Options(trials=trials, hours=hours, workers=workers, seed=seed, offline=offline)
    console.start(quiet=quiet, as_json=as_json)
    if dry_run:
        plan = plan_fit(recipe, bounds, options, out=out)
        console.emit_json(plan) if as_json else _show_plan(plan)
        return
    outcome = fit_recipe(recipe, bounds, options, out=out)
    console.emit_json(outcome) if as_json else _show(outcome)


def _size(text: str | None) -> int | None:
    if text is None:
        return None
    from pydantic import ValidationError

    from edgekit.recipe.schema import Mixed

    try:
        return Mixed.model_validate({"max_bytes": text}).max_bytes
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise click.BadParameter(said, click.get_current_context(), param_hint="--max-bytes") from error


def _show_plan(plan) -> None:  # type: ignore[no-untyped-def]
    console.say(f"Looks for {plan.bounds}: {plan.target} as {', '.join(plan.precisions)}")
    console.say("Downloads and reads")
    for item in plan.downloads:
        console.say(f"  {item.uri} ({'cached' if item.cached else 'to download'})")
    console.say("Chooses" if plan.derived else "Chooses, and more that the base model says once it is there")
    for key, choice in plan.space.items():
        console.say(f"  {key}: {_choice(choice)}")
    console.say(f"Trains at most {plan.trials} students that can fit, the least promising not to their end")
    console.say(f"Writes, in {plan.folder}")
    for name in ("study.db", "fit.md, fit.json", "fit.svg, fit.png", "best/"):
        console.say(f"  {name}")


def _choice(choice) -> str:  # type: ignore[no-untyped-def]
    import json

    if not isinstance(choice, dict):
        return json.dumps(choice)
    step = f" in steps of {choice['step']}" if choice.get("step") else ""
    return f"{choice['low']:g} to {choice['high']:g}{step}{', logarithmic' if choice.get('log') else ''}"


def _show(outcome) -> None:  # type: ignore[no-untyped-def]
    from edgekit.fit.results import MEMBER_HEAD, member_cells

    console.table(MEMBER_HEAD, [member_cells(m, outcome) for m in outcome.members], right=(0, 2, 3))
    console.say()
    console.say(f"Table     {outcome.folder / 'fit.md'}")
    console.say(f"Picture   {outcome.folder / 'fit.png'}")
    for member in outcome.holding:
        console.say(f"Student   {member.path}")
    if outcome.holding:
        console.say(f"Again     edgekit run {outcome.holding[0].folder / 'recipe.yaml'}")
