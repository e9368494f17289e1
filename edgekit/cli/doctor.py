"""`edgekit doctor`: what this machine can do, and what to install; or what a Core ML package may cost."""

from __future__ import annotations

import dataclasses
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.cli import console
from edgekit.cli.options import json_option
from edgekit.errors import MissingExtra
from edgekit.files import human

if TYPE_CHECKING:
    from edgekit.cli.diagnosis import Package


@click.command(short_help="Show what this machine can do, or what a Core ML package may cost.")
@click.argument("package", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--length",
    "lengths",
    type=click.IntRange(min=1),
    multiple=True,
    help="Extent of PACKAGE's flexible axes, such as tokens; may be repeated. [default: the package's own]",
)
@json_option
def command(package: Path | None, lengths: tuple[int, ...], as_json: bool) -> int:
    """Show versions, processor, GPU and disk; what each target needs; and what to install.

    With a PACKAGE (.mlpackage) show instead what is likely to leave the Neural Engine or to cost memory,
    each with its source and confidence, and a lower bound of the time on known chips. It is not executed.

    Exits with 0 when edgekit's core works, with 3 when something it needs is missing.

    \b
    Examples:
      edgekit doctor
      edgekit doctor --json
      edgekit doctor exported/m/coreml/model.mlpackage --length 64 --length 128
    """
    if package is not None:
        return _package(package, lengths, as_json)
    if lengths:
        raise click.UsageError("--length goes with a PACKAGE.")
    from importlib.metadata import PackageNotFoundError

    from edgekit.cli import diagnosis

    missing: list[str] = []
    try:
        found = diagnosis.packages()
    except PackageNotFoundError:
        found = ()
        missing.append("edgekit itself is not installed; install it with: pip install -e .")
    gpu = diagnosis.gpu()
    core = [p for p in found if p.extra is None and not p.usable]
    missing += [_advice(p) for p in core]
    if gpu["error"] and not any(p.name == "torch" for p in core):
        missing.append(f"torch can't be imported: {gpu['error']}; reinstall it")
    told = {
        "edgekit": _version(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": [dataclasses.asdict(p) | {"state": p.state} for p in found],
        "processor": diagnosis.processor(),
        "memory": diagnosis.memory(),
        "gpu": gpu,
        "disk": diagnosis.disk(),
        "targets": [dataclasses.asdict(t) for t in diagnosis.targets(found)],
        "missing": missing,
        "core_works": not missing,
    }
    if as_json:
        console.emit_json(told)
    else:
        _show(told)
    return MissingExtra.exit_code if missing else 0


def _package(package: Path, lengths: tuple[int, ...], as_json: bool) -> int:
    from edgekit.api import advise
    from edgekit.cli.show_advice import advice

    found = advise(package, lengths=lengths)
    if as_json:
        console.emit_json(found)
    else:
        advice(found)
    return 0


def _version() -> str:
    from edgekit import __version__

    return __version__


def _advice(package: Package) -> str:
    if package.installed is None:
        return f'{package.name} is missing; install it with: pip install "{package.name}{package.allowed}"'
    return (
        f"{package.name} {package.installed} is outside {package.allowed}; "
        f'install another with: pip install "{package.name}{package.allowed}"'
    )


def _show(told: dict[str, Any]) -> None:
    console.say(f"edgekit {told['edgekit']}, Python {told['python']}, {told['system']}\n")
    rows = [
        (p["name"], p["installed"] or "-", p["allowed"], p["tested"] or "-", p["extra"] or "core", p["state"])
        for p in told["packages"]
    ]
    console.table(("Package", "Installed", "Allowed", "Tested", "For", "State"), rows)
    console.say()
    cpu, memory, disk = told["processor"], told["memory"], told["disk"]
    console.table(
        ("Machine", ""),
        [
            ("Processor", f"{cpu['machine']}, {cpu['usable_cores']} of {cpu['cores']} cores usable"),
            ("Features", ", ".join(cpu["features"]) or "none of those that matter here"),
            ("Memory", _memory(memory)),
            ("GPU", _gpu(told["gpu"])),
            (
                "Disk free",
                f"{human(disk['here_free_bytes'])} here, {human(disk['cache_free_bytes'])} for the cache",
            ),
            ("Cache", f"{disk['cache']} ({human(disk['cache_bytes'])})"),
        ],
    )
    console.say()
    console.table(
        ("Target", "Write", "Run", "Note", "To install"),
        [
            (t["name"], _yes(t["write"]), _yes(t["run"]), t["note"], t["install"] or "-")
            for t in told["targets"]
        ],
    )
    console.say()
    for line in told["missing"]:
        console.say(f"Missing: {line}")
    console.say("The core works." if told["core_works"] else "The core does not work; see above.")
    if sys.platform not in ("linux", "darwin"):
        console.say("edgekit is tested on Linux and macOS only.")


def _memory(memory: dict[str, int | None]) -> str:
    total, available = memory["total_bytes"], memory["available_bytes"]
    if total is None or available is None:
        return "not known without psutil"
    return f"{human(total)}, {human(available)} available"


def _gpu(gpu: dict[str, Any]) -> str:
    if gpu["error"]:
        return "not known: torch can't be imported"
    cards = [f"{c['name']} ({human(c['memory_bytes'])}{', bf16' if c['bf16'] else ''})" for c in gpu["cuda"]]
    return (
        ", ".join([*cards, *(["Apple GPU (mps)"] if gpu["mps"] else [])])
        or "none; training uses the processor"
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
