"""Progress without a console: rooms say what they do, whoever is listening draws it.

The default listener is silent, so that edgekit stays quiet as a library. The command line puts a
Rich one in its place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol


class Bar(Protocol):
    """One piece of work with a known amount."""

    def advance(self, amount: float = 1) -> None:
        """Adds finished work."""

    def note(self, text: str) -> None:
        """Shows a short word beside the bar, such as the current loss."""


class Listener(Protocol):
    """Draws progress."""

    def bar(self, title: str, total: float, unit: str) -> contextlib.AbstractContextManager[Bar]:
        """A bar of `total` units ("rows", "bytes", "samples")."""

    def say(self, text: str) -> None:
        """One line that stays."""


class _SilentBar:
    def advance(self, amount: float = 1) -> None:
        return None

    def note(self, text: str) -> None:
        return None


class Silent:
    """Draws nothing."""

    @contextlib.contextmanager
    def bar(self, title: str, total: float, unit: str) -> Iterator[Bar]:
        yield _SilentBar()

    def say(self, text: str) -> None:
        return None


_listener: Listener = Silent()


def listen(listener: Listener) -> None:
    """Puts `listener` in charge for this process."""
    global _listener
    _listener = listener


def bar(title: str, total: float, unit: str) -> contextlib.AbstractContextManager[Bar]:
    """A progress bar: `with progress.bar("Download", size, "bytes") as bar: bar.advance(n)`."""
    return _listener.bar(title, total, unit)


def say(text: str) -> None:
    """One line for the user."""
    _listener.say(text)
