"""The `edgekit` command: a table of commands, each imported only when it's called."""

from __future__ import annotations

import click

from edgekit.cli.lazy import LazyGroup

# `edgekit/cli/<name>.py` holds a click command called `command`.
COMMANDS: tuple[tuple[str, str], ...] = (
    ("run", "Carry out a recipe: train, export, verify, benchmark, report."),
    ("fit", "Search for a student inside a budget: size, speed, score."),
    ("distill", "Train a small student under a large teacher."),
    ("quantize", "Make an int8 copy of an exported model."),
    ("export", "Write a model as ONNX or Core ML, and verify the file."),
    ("verify", "Run an artifact and compare it with its reference."),
    ("bench", "Measure models side by side: speed, size, memory, score."),
    ("bundle", "Pack an exported file for an app: Swift, Android, web."),
    ("predict", "Label texts with any model folder or exported file."),
    ("generate", "Write text with a language model."),
    ("tune", "Fine-tune a language model: full, LoRA or QLoRA."),
    ("self-train", "Train a language model on its own right answers."),
    ("report", "Write the report of a finished run again."),
    ("recipes", "List, copy and check recipes."),
    ("doctor", "Show what this machine can do, or what a Core ML package may cost."),
)

_EPILOG = """\b
Examples:
  edgekit run movie-reviews --dry-run
  edgekit run movie-reviews distill.epochs=5
  edgekit predict exported/movie-reviews/student "A quiet triumph."

\b
Every command has examples in its own --help, and takes --json.
EDGEKIT_CACHE moves the download cache; EDGEKIT_DEBUG=1 shows tracebacks.
"""


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from edgekit import __version__

        click.echo(f"edgekit {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    commands_table=COMMANDS,
    package="edgekit.cli",
    epilog=_EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Distil a large model into a small one, export it, and prove the exported file right."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
