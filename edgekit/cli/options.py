"""Options that several commands share, so that each is spelled and explained once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])
_OVERRIDE = re.compile(r"[A-Za-z_]\w*(\.\w+)*=", re.ASCII)


def json_option(command: _Command) -> _Command:
    """`--json` → `as_json: bool`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")(
        command
    )


def quiet_option(command: _Command) -> _Command:
    """`--quiet/-q` → `quiet: bool`."""
    return click.option("--quiet", "-q", is_flag=True, help="Show no progress.")(command)


def keep_rejected_option(command: _Command) -> _Command:
    """`--keep-rejected` → `keep_rejected: bool`."""
    return click.option(
        "--keep-rejected",
        is_flag=True,
        help="Leave what fails a gate in its place, and exit with 0; why it failed is told all the same.",
    )(command)


def device_option(command: _Command) -> _Command:
    """`--device` → `device: str`."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda", "mps"]),
        default="auto",
        show_default=True,
        help="Where to compute; auto takes a GPU when there is one.",
    )(command)


def threads_option(command: _Command) -> _Command:
    """`--threads` → `threads: int | None`."""
    return click.option(
        "--threads",
        type=click.IntRange(1, 1024),
        default=None,
        help="CPU threads. [default: 1]",
    )(command)


def out_option(
    default: str | None = None, *, help: str = "Folder to write to."
) -> Callable[[_Command], _Command]:
    """`--out/-o` → `out: Path | None`."""
    return click.option(
        "--out",
        "-o",
        type=click.Path(path_type=Path),
        default=default,
        show_default=default is not None,
        help=help,
    )


def split_overrides(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Parts `run x.yaml distill.epochs=5` into names and `key=value` overrides, each in order.

    A file whose name looks like an override is reached as `./a=b.yaml`.
    """
    overrides = [word for word in words if _OVERRIDE.match(word)]
    return [word for word in words if not _OVERRIDE.match(word)], overrides
