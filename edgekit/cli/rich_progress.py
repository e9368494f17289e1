"""Progress on a terminal: bars with rate, elapsed time and time left. Imported only when there is one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from edgekit.cli.plain_progress import amount, duration, finished, rate
from edgekit.progress import Bar


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(rate(task.speed or 0, 1, task.fields["unit"]), style="progress.data.speed")


class _Times(ProgressColumn):
    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        parts = [duration(task.elapsed or 0)]
        if task.time_remaining:
            parts.append(f"{duration(task.time_remaining)} left")
        return Text(", ".join(parts), style="progress.elapsed")


class RichListener:
    """One live display on stderr; bars may nest. A finished bar leaves one line behind."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._open = 0

    @contextlib.contextmanager
    def bar(self, title: str, total: float, unit: str) -> Iterator[Bar]:
        """A bar."""
        display = self._enter()
        task_id = display.add_task(title, total=total or None, unit=unit, note="")
        task = next(task for task in display.tasks if task.id == task_id)
        last = ""
        try:
            yield _RichBar(display, task_id)
            last = finished(title, task.completed, task.elapsed or 0, unit)
        finally:
            display.remove_task(task_id)
            display.refresh()
            self.say(last or f"{title}: stopped at {amount(task.completed, unit, total)}")
            self._leave()

    def say(self, text: str) -> None:
        """One line, above the bars."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _enter(self) -> Progress:
        with self._lock:
            if self._progress is None:
                self._progress = Progress(
                    TextColumn("{task.description}", markup=False),
                    BarColumn(bar_width=24),
                    TaskProgressColumn(),
                    _Rate(),
                    _Times(),
                    TextColumn("{task.fields[note]}", markup=False, style="dim"),
                    console=self.console,
                    transient=True,
                )
                self._progress.start()
            self._open += 1
            return self._progress

    def _leave(self) -> None:
        with self._lock:
            self._open -= 1
            if self._open == 0 and self._progress is not None:
                self._progress.stop()
                self._progress = None


class _RichBar:
    def __init__(self, display: Progress, task: TaskID) -> None:
        self._display, self._task = display, task

    def advance(self, amount: float = 1) -> None:
        self._display.advance(self._task, amount)

    def note(self, text: str) -> None:
        self._display.update(self._task, note=text)
