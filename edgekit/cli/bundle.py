"""`edgekit bundle`: an exported file as a package that an app adds and calls with a string."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli import console
from edgekit.cli.options import json_option, quiet_option

PLATFORMS = ("swift", "android", "web")


@click.command(short_help="Pack an exported file as a Swift, Android or web package.")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--platform",
    "-p",
    "platforms",
    type=click.Choice(PLATFORMS),
    multiple=True,
    required=True,
    help="Repeat it for more than one.",
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="[default: kits/ in the results folder]"
)
@click.option("--name", default="", help="Of the product. [default: the recipe's]")
@click.option(
    "--texts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Texts (prompts, paths of images or sounds) as the app will meet them, one a line. [default: a "
    "run's test rows, else everyday sentences, random images or rising tones]",
)
@click.option(
    "--against",
    type=click.Path(exists=True, path_type=Path),
    help="The model to verify the file against, where no verdict on it is recorded.",
)
@click.option(
    "--license",
    "licences",
    metavar="WHAT=SPDX",
    multiple=True,
    help="A licence for the manifest, such as teacher=Apache-2.0. A run's are known.",
)
@click.option("--ort", is_flag=True, help="Android: ship ONNX Runtime's own format.")
@json_option
@quiet_option
def command(
    model: Path,
    platforms: tuple[str, ...],
    out: Path | None,
    name: str,
    texts: Path | None,
    against: Path | None,
    licences: tuple[str, ...],
    ort: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write app packages around MODEL: an exported file, an exported decoder, or a folder of results.

    A package holds the model, the tokenizer as tables that were probed from it, a typed API, tests with
    verified answers, and a benchmark whose result `edgekit bench import` takes. Of a folder each platform
    gets the smallest file that passed; a file that did not pass is refused, and so is a tokenizer that the
    tables can't follow exactly.

    \b
    Examples:
      edgekit bundle exported/movie-reviews -p swift -p android -p web
      edgekit bundle exported/movie-reviews/student/onnx/model_int8.onnx -p web --out kits
      edgekit bundle exported/my-llm/onnxruntime-int4 -p web -p android --against my-llm
      edgekit bundle net.onnx -p android --against my-model --texts samples.txt --license model=MIT
    """
    from edgekit.app import bundle_model
    from edgekit.files import human, size_bytes

    console.start(quiet=quiet, as_json=as_json)
    bundles = bundle_model(
        model,
        platforms=platforms,
        out=out,
        name=name,
        texts=_lines(texts) if texts else (),
        against=against,
        licences=dict(_licence(value) for value in licences),
        ort=ort,
    )
    if as_json:
        console.emit_json(
            [{"platform": b.platform, "path": b.path, "manifest": b.manifest, "use": b.use} for b in bundles]
        )
        return
    for one in bundles:
        console.say(f"{one.platform}: {one.path}  {human(size_bytes(one.path))}, {one.artifact.name}")
        for line in one.use:
            console.say(f"  {line}")


def _lines(path: Path) -> list[str]:
    from edgekit.errors import DataError

    try:
        found = [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error.reason}.", remedy="Save it as UTF-8.") from error
    if not found:
        raise DataError(f"{path} holds no text.", remedy="Write one text a line.")
    return found


def _licence(value: str) -> tuple[str, str]:
    what, equals, spdx = value.partition("=")
    if not (what and equals and spdx):
        raise click.BadParameter(f"{value!r} is not WHAT=SPDX.", param_hint="'--license'")
    return what, spdx
