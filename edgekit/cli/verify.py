"""`edgekit verify`: run an exported file and compare it with what it should compute."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from edgekit.cli import console
from edgekit.cli.datafile import data_options, labelled_file
from edgekit.cli.decoder_options import judging_options, refuse_options
from edgekit.cli.options import json_option, quiet_option

ENCODER_ONLY = ("inputs", "explain", "picture", "pair_column", "label_column", "label_separator")


@click.command(short_help="Run an artifact and compare it with its reference.")
@click.argument("artifact", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--against",
    required=True,
    metavar="REFERENCE",
    help="A model folder, a .gguf file, an ONNX file, or file.py:factory, which returns the PyTorch module.",
)
@data_options(required=False)
@click.option(
    "--inputs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A .npz file with a package's inputs by name. [default: random ones]",
)
@click.option("--explain", is_flag=True, help="Follow a Core ML package operation by operation.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where --explain draws the error along depth. [default: <artifact>.trail.svg]",
)
@judging_options
@json_option
@quiet_option
def command(
    artifact: Path,
    against: str,
    data: Path | None,
    text_column: str,
    pair_column: str | None,
    label_column: str,
    label_separator: str | None,
    inputs: Path | None,
    explain: bool,
    picture: Path | None,
    as_json: bool,
    quiet: bool,
    **judging: Any,
) -> int:
    """Run ARTIFACT on rows of many lengths, with padding, and compare it with REFERENCE.

    A Core ML package is executed on any machine: off a Mac by reference semantics, which is what each
    operation is documented to compute, and not device output. It is executed twice, rounded as the program
    declares and not rounded at all: an error that goes away unrounded is lost precision, one that stays is a
    wrong conversion or the compression of the weights. When it fails, the first operation that departs is
    named.

    The package may come from anywhere: without edgekit's metadata its tensors are compared with the
    reference's, in their order. A factory's code is run; name only files that you trust. Its module takes the
    package's inputs in their order.

    --explain shows how the error grows from operation to operation, and draws it. Exits with 9 if a gate
    fails.

    A language model that was exported is compared on texts (--data texts.txt, or built-in ones): KL of
    next-token distributions, the likeliest tokens, perplexity, what both write on, and reading at once
    against token by token. ARTIFACT is the ONNX folder or the package, REFERENCE the model.

    \b
    Examples:
      edgekit verify exported/m/onnx/model.onnx --against my-model
      edgekit verify exported/m/coreml/model.mlpackage --against my-model --data test.csv
      edgekit verify exported/m/coreml/model.mlpackage --against exported/m/onnx/model.onnx
      edgekit verify net.mlpackage --against nets.py:make_net --explain
      edgekit verify net.mlpackage --against net.onnx --inputs inputs.npz --json
      edgekit verify exported/my-llm/onnxruntime-int4 --against my-llm --data texts.txt
    """
    from edgekit.api import explain_artifact, is_decoder, verify_artifact
    from edgekit.cli.show import parity_lines
    from edgekit.errors import GateFailed

    if ".py:" not in against and not Path(against).exists():
        raise click.BadParameter(f"Path {against!r} does not exist.", param_hint="'--against'")
    console.start(quiet=quiet, as_json=as_json)
    if is_decoder(Path(against)):
        refuse_options(ENCODER_ONLY, "a language model")
        return _verify_decoder(artifact, Path(against), data, text_column, as_json, **judging)
    refuse_options(judging, "this model, which is no language model")
    rows = labelled_file(data, text_column, pair_column, label_column, label_separator)
    found, parity = verify_artifact(artifact, against=against, data=rows, inputs=inputs)
    told: dict[str, Any] = {"artifact": found, "parity": parity, "passed": parity.passed}
    if not as_json:
        parity_lines(found, parity)
    if explain:
        from edgekit.cli.show_trail import trail_lines

        drawn = picture or Path(f"{artifact.stem}.trail.svg")
        trail = explain_artifact(artifact, against=against, data=rows, inputs=inputs, picture=drawn)
        told |= {"trail": trail, "picture": drawn}
        if not as_json:
            trail_lines(trail, drawn)
    if as_json:
        console.emit_json(finite(told))
    return 0 if parity.passed else GateFailed.exit_code


def _verify_decoder(
    artifact: Path, against: Path, data: Path | None, column: str, as_json: bool, **judging: Any
) -> int:
    from edgekit.api import decoder_settings, verify_decoder
    from edgekit.cli.show_decoder import decoder_lines
    from edgekit.errors import GateFailed

    settings = decoder_settings(data, column=column, **judging)
    found, parity = verify_decoder(artifact, against=against, settings=settings)
    if as_json:
        console.emit_json(finite({"artifact": found, "parity": parity, "passed": parity.passed}))
    else:
        decoder_lines(found, parity)
    return 0 if parity.passed else GateFailed.exit_code


def finite(value: Any) -> Any:
    """JSON values; an error that is not finite becomes null, and `failures` says so."""
    from edgekit.codec import to_json

    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [finite(entry) for entry in value]
    return value if isinstance(value, str | int | None) else finite(to_json(value))
