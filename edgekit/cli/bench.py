"""`edgekit bench`: models side by side, by one of two protocols; and results that devices send."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli import bench_import, bench_llm, console
from edgekit.cli.datafile import data_options, labelled_file
from edgekit.cli.options import json_option, quiet_option, threads_option

_PROTOCOLS = {"distilbert": "models", "llm": "llm"}  # `--protocol` → the command that follows it


class _Bench(click.Group):
    """`bench A B …` measures the DistilBERT way, unless a command or a protocol is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        args, protocol = _without_protocol(args)
        if protocol is not None:
            args = [protocol, *args]
        elif args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["models", *args]
        return super().parse_args(ctx, args)


def _without_protocol(args: list[str]) -> tuple[list[str], str | None]:
    """The words without `--protocol NAME`, and the command of that name."""
    for place, word in enumerate(args):
        if word == "--":
            break
        option, equals, name = word.partition("=")
        if option == "--protocol":
            taken = 1 if equals else 2
            name = name or next(iter(args[place + 1 : place + 2]), "")
            if name not in _PROTOCOLS:
                raise click.UsageError(f"--protocol is one of: {', '.join(_PROTOCOLS)}. Given: {name!r}.")
            return [*args[:place], *args[place + taken :]], _PROTOCOLS[name]
    return args, None


@click.group(cls=_Bench, short_help="Measure models side by side.")
def command() -> None:
    """Measure models side by side, or import what an app kit measured on a device.

    \b
    Examples:
      edgekit bench A.onnx B.onnx --data test.csv        (options: edgekit bench models --help)
      edgekit bench --protocol llm A/onnxruntime         (options: edgekit bench llm --help)
      edgekit bench import result.json
    """


command.add_command(bench_import.command, "import")
command.add_command(bench_llm.command, "llm")


@command.command("models", short_help="Measure models side by side.")
@click.argument("models", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@data_options(required=True)
@click.option("--rows", type=click.IntRange(1), help="Rows to time. [default: all]")
@click.option(
    "--passes", type=click.IntRange(1, 100), default=1, show_default=True, help="Timed passes over the rows."
)
@threads_option
@json_option
@quiet_option
def models_command(
    models: tuple[Path, ...],
    data: Path | None,
    text_column: str,
    pair_column: str | None,
    label_column: str,
    label_separator: str | None,
    rows: int | None,
    passes: int,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure MODELS (folders or exported files) in one process, in turn; the first is the reference.

    Batch 1. Latency without tokenization and end to end, a full pass over the rows, peak memory of a process
    of its own, score and share of the first model's score, with paired bootstrap 95 % intervals.

    \b
    Examples:
      edgekit bench teacher/onnx/model.onnx student/onnx/model_int8.onnx --data test.csv
      edgekit bench my-model exported/my-model/onnx/model.onnx --data test.csv --threads 2 --json
    """
    from edgekit.api import bench_models
    from edgekit.cli.show import timing_table
    from edgekit.recipe.schema import Benchmark

    console.start(quiet=quiet, as_json=as_json)
    labelled = labelled_file(data, text_column, pair_column, label_column, label_separator)
    assert labelled is not None
    result = bench_models(
        models, data=labelled, config=Benchmark(rows=rows, passes=passes, threads=threads or 1)
    )
    if as_json:
        console.emit_json(result)
        return
    timing_table(result.timings)
