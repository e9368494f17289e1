"""`edgekit predict`: texts, images or sounds in, answers out."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.cli import console
from edgekit.cli.options import json_option

if TYPE_CHECKING:
    from edgekit.types import Prediction

_SHOWN = 3  # numbers of an embedding on a console


@click.command(short_help="Answer texts, images or sounds with any model folder or exported file.")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--pair", "pair", help="Second text, for a model of text pairs; one TEXT then.")
@json_option
def command(model: Path, texts: tuple[str, ...], pair: str | None, as_json: bool) -> None:
    """Answer each TEXT with MODEL (a folder, an .onnx file or an .mlpackage).

    What comes out depends on the model's task: a class, several labels, a number, a tag for each word, an
    embedding (whole with --json), or words for each [MASK]. For a model of images or
    sounds, each TEXT is the path of a file.

    Without TEXT, one text per line is read from standard input.

    \b
    Examples:
      edgekit predict exported/movie-reviews/student "A quiet triumph."
      edgekit predict exported/movie-reviews/student/onnx/model_int8.onnx "Dull." "Superb." --json
      edgekit predict my-model < reviews.txt
      edgekit predict my-masked-lm "Paris is the [MASK] of France."
      edgekit predict exported/digits/student/onnx/model.onnx photo.png
      edgekit predict exported/spoken-languages/student/onnx/model.onnx clip.wav
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
        console.emit_json({"predictions": [_told(one) for one in found]})
        return
    for one in found:
        text = one.input if isinstance(one.input, str) else " | ".join(one.input)
        console.say(_line(one, text))


def _told(one: Prediction) -> dict[str, Any]:
    """The fields that the task has."""
    return {name: value for name, value in dataclasses.asdict(one).items() if value is not None}


def _line(one: Prediction, text: str) -> str:
    """One tab-separated line: the answer, how sure it is where that can be said, and the text."""
    shares = one.probabilities or {}
    if one.label is not None:
        return f"{one.label}\t{shares[one.label]:.4f}\t{text}"
    if one.labels is not None:
        return "\t".join(
            (", ".join(one.labels) or "–", ", ".join(f"{shares[label]:.4f}" for label in one.labels), text)
        )
    if one.value is not None:
        return f"{one.value:.4f}\t{text}"
    if one.tags is not None:
        return " ".join(f"{word}/{tag or '–'}" for word, tag in one.tags)
    if one.fills is not None:
        return (
            " | ".join(", ".join(f"{w} {p:.4f}" for w, p in fill.items()) for fill in one.fills) + f"\t{text}"
        )
    numbers = one.embedding or ()
    return f"[{', '.join(f'{x:.4f}' for x in numbers[:_SHOWN])}, … {len(numbers)} numbers]\t{text}"
