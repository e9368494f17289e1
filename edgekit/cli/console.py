"""What a command shows: progress on stderr, results on stdout as a table or as one JSON object."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Collection, Sequence
from pathlib import PurePath
from typing import Any, TextIO

import click

from edgekit import progress
from edgekit.cli.plain_progress import PlainListener, SilentListener

_UNWRAPPED = 10_000  # columns, for a pipe: wrapping there would break grep


def start(*, quiet: bool = False, as_json: bool = False) -> None:
    """Chooses how progress is drawn: bars on a terminal, lines elsewhere, nothing if unwanted."""
    if quiet or as_json:
        progress.listen(SilentListener())
    elif _is_terminal(sys.stderr):
        from edgekit.cli.rich_progress import RichListener

        progress.listen(RichListener())
    else:
        progress.listen(PlainListener(sys.stderr))


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()  # None: closed by the shell, `>&-`


def emit_json(value: Any) -> None:
    """Prints one JSON value on stdout. Dataclasses and paths are taken as they come.

    NaN and infinities, which JSON can't say, become null: an error that is not finite is a result, too.
    """
    unicode = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    plain = _finite(json.loads(json.dumps(value, default=_plain)))
    text = json.dumps(plain, indent=2, ensure_ascii=not unicode, allow_nan=False)
    # A lone surrogate (a file name that is no UTF-8) becomes \udcXX, which is how JSON spells it.
    click.echo(text.encode("utf-8", "backslashreplace").decode())


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def say(text: str = "") -> None:
    """One line of a result, on stdout."""
    click.echo(text)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> None:
    """A table on stdout; columns numbered in `right` are aligned right. Never wrapped when piped."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for number, header in enumerate(headers):
        drawn.add_column(header, justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console = Console(width=None if _is_terminal(sys.stdout) else _UNWRAPPED)
    with console.capture() as captured:  # so that click alone writes, and alone meets a closed pipe
        console.print(drawn)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))
