"""`edgekit report`: write a finished run's pages again."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli import console
from edgekit.cli.options import json_option


@click.command(short_help="Write the report of a finished run again.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Write report.html and report.md in FOLDER again, from its report.json.

    \b
    Examples:
      edgekit report exported/movie-reviews
      edgekit report exported/movie-reviews --json | jq .retained
    """
    from edgekit.app import render_report

    report, paths = render_report(folder)
    if as_json:
        console.emit_json(report)
        return
    for path in paths:
        console.say(str(path))
