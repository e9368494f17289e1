"""`edgekit export`: write a model for a device, and verify the file."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli import console
from edgekit.cli.datafile import data_options, labelled_file
from edgekit.cli.options import json_option, out_option, quiet_option


@click.command(short_help="Write a model as ONNX or Core ML, and verify the file.")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option("--target", "-t", "targets", multiple=True, required=True, help="onnx or coreml; repeatable.")
@click.option(
    "--precision",
    "-p",
    "precisions",
    multiple=True,
    type=click.Choice(["fp32", "fp16", "int8"]),
    help="Repeatable. [default: fp32 for onnx, fp16 for coreml]",
)
@out_option(help="Results folder. [default: exported/<model's name>]")
@data_options(required=False)
@click.option("--max-length", type=click.IntRange(2, 8192), help="Tokens. [default: as the tokenizer says]")
@click.option(
    "--minimum-deployment-target",
    type=click.Choice(["iOS16", "iOS17", "iOS18"]),
    default="iOS17",
    show_default=True,
    help="Core ML only.",
)
@click.option(
    "--shapes",
    type=click.Choice(["range", "enumerated", "fixed"]),
    default="range",
    show_default=True,
    help="Sequence shapes, Core ML only.",
)
@json_option
@quiet_option
def command(
    model: Path,
    targets: tuple[str, ...],
    precisions: tuple[str, ...],
    out: Path | None,
    data: Path | None,
    text_column: str,
    pair_column: str | None,
    label_column: str,
    label_separator: str | None,
    max_length: int | None,
    minimum_deployment_target: str,
    shapes: str,
    as_json: bool,
    quiet: bool,
) -> int:
    """Export the classifier folder MODEL, one artifact per target and precision, each verified against MODEL.

    With --data the task metric is compared as well. An artifact that fails its gates moves to rejected/,
    and the command exits with 9.

    \b
    Examples:
      edgekit export exported/movie-reviews/student --target onnx
      edgekit export my-model --target onnx --target coreml --data test.csv
      edgekit export my-model -t coreml -p fp16 -p int8 --minimum-deployment-target iOS18
    """
    from edgekit.api import export_model

    console.start(quiet=quiet, as_json=as_json)
    chosen = {t: [p for p in precisions if not (t == "onnx" and p == "fp16")] for t in targets}
    built = export_model(
        model,
        targets=targets,
        precisions={t: p for t, p in chosen.items() if p},
        out=out,
        data=labelled_file(data, text_column, pair_column, label_column, label_separator),
        max_length=max_length,
        minimum_deployment_target=minimum_deployment_target,
        shapes=shapes,
    )
    return finish(built, as_json=as_json)


def finish(built, *, as_json: bool) -> int:  # type: ignore[no-untyped-def]
    """Shows what was built; the exit code of the gates."""
    from edgekit.cli.show import parity_lines, rejected_names
    from edgekit.errors import GateFailed

    if as_json:
        console.emit_json({"artifacts": built})
    else:
        for one in built:
            parity_lines(one.artifact, one.parity)
    return GateFailed.exit_code if rejected_names(built) else 0
