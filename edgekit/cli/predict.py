"""`edgekit predict`: text in, labels out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edgekit.cli import console
from edgekit.cli.options import json_option


@click.command(short_help="Label texts with any model folder or exported file.")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--pair", "pair", help="Second text, for a model of text pairs; one TEXT then.")
@json_option
def command(model: Path, texts: tuple[str, ...], pair: str | None, as_json: bool) -> None:
    """Label each TEXT with MODEL (a folder, an .onnx file or an .mlpackage).

    Without TEXT, one text per line is read from standard input.

    \b
    Examples:
      edgekit predict exported/movie-reviews/student "A quiet triumph."
      edgekit predict exported/movie-reviews/student/onnx/model_int8.onnx "Dull." "Superb." --json
      edgekit predict my-model < reviews.txt
    """
    from edgekit.api import predict
    from edgekit.errors import DataError

    if not texts and not sys.stdin.isatty():
        texts = tuple(line.rstrip("\n") for line in sys.stdin if line.strip())
    if not texts:
        raise DataError(
            "There is no text to label.", remedy="Give texts as arguments, or one per line on stdin."
        )
    if pair is not None and len(texts) != 1:
        raise DataError(f"--pair goes with one TEXT, and there are {len(texts)}.", remedy="Give one TEXT.")
    found = predict(model, [(texts[0], pair)] if pair is not None else texts)
    if as_json:
        console.emit_json({"predictions": found})
        return
    for one in found:
        text = one.input if isinstance(one.input, str) else " | ".join(one.input)
        console.say(f"{one.label}\t{one.probabilities[one.label]:.4f}\t{text}")
