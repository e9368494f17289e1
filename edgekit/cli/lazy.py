"""A click group that knows its commands by name alone, and turns whatever they raise into an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

_PIPE_CLOSED = 141  # what a shell reports for a program that SIGPIPE ended


class LazyGroup(click.Group):
    """Imports `<package>.<name>` when that command is called (`a-b` is `a_b.py`); `--help` imports none.

    A command returns None, or its exit code as an int. What it raises is reported in one place,
    `edgekit.cli.failure`.
    """

    def __init__(self, *, commands_table: Sequence[tuple[str, str]], package: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.help_lines = dict(commands_table)
        self.package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the table's order."""
        return list(self.help_lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now; None for a name outside the table."""
        if cmd_name not in self.help_lines:
            return None
        from edgekit.quiet import hush
        from edgekit.threads import share_cores

        hush()  # before the command's module can import anything that prints
        share_cores()
        module = importlib.import_module(f"{self.package}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table as it stands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.help_lines.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click's own, with a suggestion for a name that's not in the table."""
        name = args[0]
        if name not in self.help_lines and not ctx.resilient_parsing and not name.startswith("-"):
            from edgekit.recipe.suggest import closest

            near = closest(name, self.help_lines)
            hint = f" Did you mean {near!r}?" if near else ""
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; a reader that hung up (`| head`) ends it quietly."""
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
            return result
        except BrokenPipeError as error:
            if not _drop_closed_streams():  # some other pipe: a worker that died, which is no quiet matter
                raise RuntimeError(f"a pipe to another process broke: {error}") from error
            raise click.exceptions.Exit(_PIPE_CLOSED) from None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs the command line and exits with its code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        words = list(sys.argv[1:] if args is None else args)
        try:
            result = super().main(words, prog_name, complete_var, standalone_mode=False, **extra)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - outermost: each is shown, and gets its code
            sys.exit(_report(error, words))
        sys.exit(result if isinstance(result, int) and not isinstance(result, bool) else 0)


def _report(error: BaseException, words: Sequence[str]) -> int:
    from edgekit.cli.failure import report

    try:
        return report(error, as_json=wants_json(words))
    except BrokenPipeError:
        _drop_closed_streams()
        return _PIPE_CLOSED


def _drop_closed_streams() -> bool:
    """Sends what is meant for a reader that hung up to nowhere, or Python would complain of it at exit."""
    import select

    dropped = False
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, stream.fileno())
            os.close(sink)
            dropped = True
    return dropped


def wants_json(words: Sequence[str]) -> bool:
    """Whether `--json` is among the words, those after `--` being arguments."""
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options
