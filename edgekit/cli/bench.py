"""`edgekit bench`: models side by side, the DistilBERT way."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli import console
from edgekit.cli.datafile import data_options, labelled_file
from edgekit.cli.options import json_option, quiet_option, threads_option


@click.command(short_help="Measure models side by side.")
@click.argument("models", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@data_options(required=True)
@click.option("--rows", type=click.IntRange(1), help="Rows to time. [default: all]")
@click.option(
    "--passes", type=click.IntRange(1, 100), default=1, show_default=True, help="Timed passes over the rows."
)
@threads_option
@json_option
@quiet_option
def command(
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
