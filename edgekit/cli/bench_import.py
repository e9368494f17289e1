"""`edgekit bench import`: what a kit measured on a device, into its run's report."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli import console
from edgekit.cli.options import json_option, quiet_option


@click.command(short_help="Put what a kit measured on a device into its run's report.")
@click.argument(
    "results", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Results folder of the run. [default: the one below exported/ that has the artifact]",
)
@click.option("--simulated", is_flag=True, help="Take figures of a simulator too; they are marked.")
@json_option
@quiet_option
def command(
    results: tuple[Path, ...], into: Path | None, simulated: bool, as_json: bool, quiet: bool
) -> None:
    """Put RESULTS, files that the benchmarks of app kits wrote, into the report of the run they came from.

    A file is checked field by field, and its artifact must be one of the run's, byte for byte. The report
    then shows all devices side by side, after this machine's rows.

    \b
    Examples:
      edgekit bench import result.json
      edgekit bench import iphone.json pixel.json --into exported/movie-reviews
    """
    from edgekit.app import import_result

    console.start(quiet=quiet, as_json=as_json)
    told = []
    for path in results:
        found, folder = import_result(path, into=into, simulated=simulated)
        told.append({"result": found.model_dump(mode="json"), "folder": str(folder)})
        if not as_json:
            device = found.device
            console.say(f"{device.model} ({device.os}): {found.artifact.name}, {len(found.rows)} rows")
            for row in found.rows:
                how = row.compute_units or row.runtime
                p50 = "not measured" if row.p50_ms is None else f"p50 {row.p50_ms:.2f} ms"
                console.say(f"  {how}: {p50}")
            console.say(f"  in {folder / 'report.html'}")
    if as_json:
        console.emit_json(told)
