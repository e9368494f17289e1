"""`edgekit quantize`: an int8 copy that pays, or none."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli import console
from edgekit.cli.datafile import data_options, labelled_file
from edgekit.cli.export import finish
from edgekit.cli.options import json_option, out_option, quiet_option


@click.command(short_help="Make an int8 copy of a model.")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--target",
    "-t",
    "targets",
    multiple=True,
    help="onnx or coreml; repeatable. [default: the exported file's, else onnx]",
)
@out_option(help="Results folder. [default: exported/<model's name>]")
@data_options(required=False)
@click.option(
    "--metric-drop", type=click.FloatRange(0, 100), default=1.0, show_default=True, help="Points it may lose."
)
@click.option("--allow-slower", is_flag=True, help="Keep it even if it is slower than what it replaces.")
@json_option
@quiet_option
def command(
    model: Path,
    targets: tuple[str, ...],
    out: Path | None,
    data: Path | None,
    text_column: str,
    pair_column: str | None,
    label_column: str,
    label_separator: str | None,
    metric_drop: float,
    allow_slower: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Quantize MODEL (a classifier folder, or a file exported from one) to int8.

    The copy is kept only if it is faster than what it replaces and loses no more than the gate allows;
    otherwise it moves to rejected/ and the command exits with 9.

    \b
    Examples:
      edgekit quantize my-model --data test.csv
      edgekit quantize exported/movie-reviews/student/onnx/model.onnx --data test.csv --out quantized
      edgekit quantize my-model --target onnx --target coreml --metric-drop 0.5 --data test.csv
    """
    from edgekit.api import quantize_model
    from edgekit.recipe.schema import Gates

    console.start(quiet=quiet, as_json=as_json)
    default = {".mlpackage": "coreml"}.get(model.suffix, "onnx")
    built = quantize_model(
        model,
        targets=targets or (default,),
        out=out,
        data=labelled_file(data, text_column, pair_column, label_column, label_separator),
        gates=Gates(metric_drop_int8=metric_drop, not_slower=not allow_slower),
    )
    return finish(built, as_json=as_json)
