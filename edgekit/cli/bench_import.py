"""`edgekit bench import`: what a kit measured on a device, into its run's report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli import console
from edgekit.cli.options import json_option, quiet_option

if TYPE_CHECKING:
    from edgekit.device_result import Row


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
                console.say(f"  {how}: {_figures(row)}")
            console.say(f"  in {folder / 'report.html'}")
    if as_json:
        console.emit_json(told)


def _figures(row: Row) -> str:
    if row.generation is not None:
        return "; ".join(
            f"{one.prompt_tokens} tokens of prompt, first after {one.first_token_p50_ms:.0f} ms, then "
            f"{one.tokens_per_second:.1f} a second"
            for one in row.generation
        )
    return "not measured" if row.p50_ms is None else f"p50 {row.p50_ms:.2f} ms"
