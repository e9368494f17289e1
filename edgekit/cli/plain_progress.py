"""Progress where no terminal is: a line when ten seconds have passed, and one when the work is done."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from edgekit.files import human
from edgekit.progress import Bar


class SilentListener:
    """Draws nothing."""

    @contextlib.contextmanager
    def bar(self, title: str, total: float, unit: str) -> Iterator[Bar]:
        """A bar that nobody sees."""
        yield _Silent()

    def say(self, text: str) -> None:
        """Nothing."""


class _Silent:
    def advance(self, amount: float = 1) -> None:
        return None

    def note(self, text: str) -> None:
        return None


class PlainListener:
    """Writes lines to a log, at most one for each bar in `every_s` seconds."""

    def __init__(
        self, stream: TextIO | None, *, clock: Callable[[], float] = time.monotonic, every_s: float = 10.0
    ) -> None:
        self.stream = stream
        self.clock = clock
        self.every_s = every_s

    @contextlib.contextmanager
    def bar(self, title: str, total: float, unit: str) -> Iterator[Bar]:
        """A bar drawn as lines."""
        bar = _PlainBar(self, title, total, unit)
        try:
            yield bar
        except BaseException:
            self.say(f"{title}: stopped at {bar.state()}")
            raise
        self.say(finished(title, bar.done, self.clock() - bar.started, unit))

    def say(self, text: str) -> None:
        """One line."""
        print(text, file=self.stream, flush=True)


class _PlainBar:
    def __init__(self, listener: PlainListener, title: str, total: float, unit: str) -> None:
        self.listener, self.title, self.total, self.unit = listener, title, total, unit
        self.done = 0.0
        self.noted = ""
        self.started = self.told = listener.clock()

    def advance(self, amount: float = 1) -> None:
        self.done += amount
        now = self.listener.clock()
        if now - self.told >= self.listener.every_s:
            self.told = now
            self.listener.say(f"{self.title}: {self.state()}")

    def note(self, text: str) -> None:
        self.noted = text

    def state(self) -> str:
        """`1,200 of 3,000 rows (40 %), 12 rows/s, 1 min 40 s elapsed, 2 min 30 s left, loss 0.31`."""
        elapsed = self.listener.clock() - self.started
        share = f" ({self.done / self.total:.0%})" if self.total else ""
        parts = [f"{amount(self.done, self.unit, self.total)}{share}", rate(self.done, elapsed, self.unit)]
        parts.append(f"{duration(elapsed)} elapsed")
        if 0 < self.done < self.total:
            parts.append(f"{duration(elapsed * (self.total - self.done) / self.done)} left")
        return ", ".join(part for part in [*parts, self.noted] if part)


def finished(title: str, done: float, seconds: float, unit: str) -> str:
    """The line that stays after a bar: `Download: 90.9 MB in 12 s (7.6 MB/s)`."""
    speed = rate(done, seconds, unit)
    return f"{title}: {amount(done, unit)} in {duration(seconds)}" + (f" ({speed})" if speed else "")


def amount(done: float, unit: str, total: float | None = None) -> str:
    """`1,200 of 3,000 rows`, or `12.0 MB of 90.9 MB`."""
    if unit == "bytes":
        return human(done) + (f" of {human(total)}" if total else "")
    return f"{done:,.0f}" + (f" of {total:,.0f}" if total else "") + f" {unit}"


def rate(done: float, seconds: float, unit: str) -> str:
    """`7.6 MB/s` or `12.3 rows/s`; empty before there is one."""
    if done <= 0 or seconds <= 0:
        return ""
    speed = done / seconds
    return f"{human(speed)}/s" if unit == "bytes" else f"{speed:,.{0 if speed >= 100 else 1}f} {unit}/s"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `1 min 05 s`, `2 h 03 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
