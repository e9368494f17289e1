"""`edgekit verify`: run an exported file and compare it with its model."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli import console
from edgekit.cli.datafile import data_options, labelled_file
from edgekit.cli.options import json_option, quiet_option


@click.command(short_help="Run an artifact and compare it with its model.")
@click.argument("artifact", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--against",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="The model folder it was exported from.",
)
@data_options(required=False)
@json_option
@quiet_option
def command(
    artifact: Path,
    against: Path,
    data: Path | None,
    text_column: str,
    pair_column: str | None,
    label_column: str,
    label_separator: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run ARTIFACT on rows of many lengths, with padding, and compare it with the model folder.

    A Core ML package is executed on a Mac; elsewhere its structure is checked, and the result says so.
    Exits with 9 if a gate fails.

    \b
    Examples:
      edgekit verify exported/m/onnx/model.onnx --against my-model
      edgekit verify exported/m/onnx/model_int8.onnx --against my-model --data test.csv
      edgekit verify exported/m/coreml/model.mlpackage --against my-model --json
    """
    from edgekit.api import verify_artifact
    from edgekit.cli.show import parity_lines
    from edgekit.errors import GateFailed

    console.start(quiet=quiet, as_json=as_json)
    found, parity = verify_artifact(
        artifact,
        against=against,
        data=labelled_file(data, text_column, pair_column, label_column, label_separator),
    )
    if as_json:
        console.emit_json({"artifact": found, "parity": parity, "passed": parity.passed})
    else:
        parity_lines(found, parity)
    return 0 if parity.passed else GateFailed.exit_code
