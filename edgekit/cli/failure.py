"""The one place where something that went wrong becomes words on a terminal and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from dataclasses import dataclass

import click

from edgekit.cli.console import emit_json
from edgekit.errors import DiskFull, EdgekitError, RecipeError

USAGE = 2
MISSING = 3
BUG = 70  # sysexits.h: an internal software error
INTERRUPTED = 130  # 128 + SIGINT


@dataclass(frozen=True, slots=True)
class Failure:
    """What a user is told."""

    type: str
    fact: str
    remedy: str
    exit_code: int
    problems: tuple[str, ...] = ()


def report(error: BaseException, *, as_json: bool) -> int:
    """Tells the user what went wrong.

    Two parts on stderr, the fact and what to do about it; with `as_json`, one object on stdout.
    EDGEKIT_DEBUG=1 puts the traceback before it, on stderr.

    Returns:
        The exit code.
    """
    if os.environ.get("EDGEKIT_DEBUG", "0") not in ("", "0"):
        traceback.print_exception(error, file=sys.stderr)
    failure = explain(error)
    if as_json:
        emit_json(
            {
                "error": {
                    "type": failure.type,
                    "fact": failure.fact,
                    "remedy": failure.remedy,
                    "exit_code": failure.exit_code,
                    "problems": list(failure.problems),
                }
            }
        )
        return failure.exit_code
    prefix = "" if failure.type in ("Interrupted", "Help") else "Error: "
    click.echo(f"{prefix}{failure.fact}", err=True)
    if failure.remedy:
        click.echo(failure.remedy, err=True)
    return failure.exit_code


def explain(error: BaseException) -> Failure:
    """The words for any exception that reaches the command line."""
    kind = type(error).__name__
    if isinstance(error, EdgekitError):
        problems = error.problems if isinstance(error, RecipeError) else ()
        return Failure(kind, error.fact, error.remedy, error.exit_code, problems)
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return Failure("Interrupted", "Stopped. Run the same command again to continue.", "", INTERRUPTED)
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, ModuleNotFoundError) and not (error.name or "edgekit").startswith("edgekit"):
        return Failure(
            kind,
            f"The Python package {error.name!r} is needed here and is not installed.",
            "See what is missing, and the command that installs it, with: edgekit doctor",
            MISSING,
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(
            "DiskFull",
            f"The disk is full{f': {os.fsdecode(error.filename)}' if error.filename else ''}.",
            "Free some space and run the same command again.",
            DiskFull.exit_code,
        )
    if isinstance(error, OSError) and error.filename is not None:
        fact = f"{os.fsdecode(error.filename)}: {error.strerror or kind}."
        return Failure(kind, fact, "Check the path and its permissions.", EdgekitError.exit_code)
    return Failure(
        kind,
        f"This is a bug in edgekit: {kind}: {str(error) or 'no message'}",
        "Set EDGEKIT_DEBUG=1 and run the same command again to see the traceback; please report it.",
        BUG,
    )


def _usage(error: click.ClickException) -> Failure:
    ctx = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2 and later; the message is the help page
        return Failure("Help", error.format_message(), "", USAGE)
    remedy = f"See: {ctx.command_path} --help" if ctx is not None else ""
    return Failure(type(error).__name__, error.format_message(), remedy, error.exit_code)
