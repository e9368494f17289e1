"""`edgekit run`: carry out a recipe."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from edgekit.cli import console
from edgekit.cli.options import json_option, keep_rejected_option, out_option, quiet_option, split_overrides
from edgekit.tasks import TEXT_GENERATION


@click.command(short_help="Carry out a recipe.")
@click.argument("words", metavar="RECIPE [KEY=VALUE]...", nargs=-1, required=True)
@out_option(help="Results folder. [default: exported/<recipe's name>]")
@click.option("--dry-run", is_flag=True, help="Show what would be downloaded, done and written; do nothing.")
@click.option("--offline", is_flag=True, help="Use cached downloads only.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), help="Instead of the recipe's device."
)
@keep_rejected_option
@json_option
@quiet_option
def command(
    words: tuple[str, ...],
    out: Path | None,
    dry_run: bool,
    offline: bool,
    device: str | None,
    keep_rejected: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Carry out RECIPE (a file, or the name of a shipped one), from its downloads to its report.

    A run that was stopped continues where it was; stages whose inputs have not changed are skipped.
    Exits with 9 if an artifact did not pass its gates, unless --keep-rejected is given.

    \b
    Examples:
      edgekit run movie-reviews --dry-run
      edgekit run movie-reviews
      edgekit run mine.yaml distill.epochs=5 student.layers=2 --out exported/two-layers
      edgekit run mine.yaml --json | jq .report.retained
    """
    from edgekit.pipeline import plan_run, run_recipe
    from edgekit.recipe.load import load_recipe

    names, overrides = split_overrides(words)
    if len(names) != 1:
        raise click.UsageError("Give exactly one RECIPE.", click.get_current_context())
    if device:
        overrides.append(f"device={device}")
    if keep_rejected:
        overrides.append("gates.keep_rejected=true")
    recipe = load_recipe(names[0], overrides)
    console.start(quiet=quiet, as_json=as_json)
    if dry_run:
        plan = plan_run(recipe, out=out)
        if as_json:
            console.emit_json(plan)
        else:
            _show_plan(plan)
        return
    line = shlex.join(["edgekit", "run", *words, *(["--out", str(out)] if out else [])])
    result = run_recipe(recipe, out=out, offline=offline, command=line)
    if as_json:
        console.emit_json({"folder": result.folder, "report": result.report, "rejected": result.rejected})
        return
    show_result(result)


def _show_plan(plan) -> None:  # type: ignore[no-untyped-def]
    from edgekit.files import human

    console.say("Downloads and reads")
    for item in plan.downloads:
        state = "cached" if item.cached else "to download"
        size = human(item.size_bytes) if item.size_bytes is not None else "size unknown until then"
        console.say(f"  {item.uri}")
        console.say(f"    {state}, {size}, licence {item.license or 'not stated'}, in {item.destination}")
    console.say("Stages")
    for number, stage in enumerate(plan.stages, start=1):
        console.say(f"  {number}. {stage}")
    console.say(f"Writes, in {plan.folder}")
    for name in plan.writes:
        console.say(f"  {name}")


def show_result(result) -> None:  # type: ignore[no-untyped-def]
    from edgekit.cli.show import artifact_table

    console.say(result.headline)
    console.say()
    if result.report.task == TEXT_GENERATION.name:
        _show_decoder(result)
        return
    artifact_table(result.report)
    console.say()
    console.say(f"Report    {result.folder / 'report.html'}")
    console.say(f"Student   {result.folder / 'student'}")
    _show_kits(result)
    kept = [
        a
        for a in result.report.artifacts
        if a.model == "student" and a.target in ("onnx", "onnxruntime") and not a.rejected
    ]
    if kept:
        console.say(f"Try       edgekit predict {result.folder / kept[-1].path} {result.example}")


def _show_kits(result) -> None:  # type: ignore[no-untyped-def]
    for kit in result.report.kits:
        if kit.path is None:
            console.say(f"No kit for {kit.platform}: {kit.missing}")
            continue
        console.say(f"Kit       {kit.platform}: {result.folder / kit.path}")
        for line in kit.use:
            console.say(f"            {line}")


def _show_decoder(result) -> None:  # type: ignore[no-untyped-def]
    from edgekit.files import human

    for one in result.report.artifacts:
        verdict = one.rejected_because or "verified"
        console.say(f"{result.folder / one.path}  {human(one.size_bytes)}, {verdict}")
    console.say(f"Report    {result.folder / 'report.html'}")
    console.say(f"Student   {result.folder / 'student'}")
    _show_kits(result)
    console.say(f'Try       edgekit generate {result.folder / "student"} "Once upon a time"')
