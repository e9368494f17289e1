"""Progress, tables, JSON and shared options."""

import io
import json
import time
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from edgekit import progress
from edgekit.cli import console, options
from edgekit.cli.plain_progress import PlainListener, amount, duration, rate
from edgekit.cli.rich_progress import RichListener


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def log():
    clock, stream = Clock(), io.StringIO()
    return PlainListener(stream, clock=clock), clock, stream


def test_plain_lines_come_ten_seconds_apart(log):
    listener, clock, stream = log
    with listener.bar("Train", 100, "rows") as bar:
        for _ in range(50):
            clock.now += 1
            bar.note("loss 0.5")
            bar.advance(2)
    assert stream.getvalue().splitlines() == [
        "Train: 20 of 100 rows (20%), 2.0 rows/s, 10 s elapsed, 40 s left, loss 0.5",
        "Train: 40 of 100 rows (40%), 2.0 rows/s, 20 s elapsed, 30 s left, loss 0.5",
        "Train: 60 of 100 rows (60%), 2.0 rows/s, 30 s elapsed, 20 s left, loss 0.5",
        "Train: 80 of 100 rows (80%), 2.0 rows/s, 40 s elapsed, 10 s left, loss 0.5",
        "Train: 100 of 100 rows (100%), 2.0 rows/s, 50 s elapsed, loss 0.5",
        "Train: 100 rows in 50 s (2.0 rows/s)",
    ]


def test_plain_bytes_are_megabytes(log):
    listener, clock, stream = log
    with listener.bar("Download", 90_900_000, "bytes") as bar:
        clock.now = 12
        bar.advance(45_450_000)
        bar.advance(45_450_000)
    assert stream.getvalue().splitlines() == [
        "Download: 45.5 MB of 90.9 MB (50%), 3.8 MB/s, 12 s elapsed, 12 s left",
        "Download: 90.9 MB in 12 s (7.6 MB/s)",
    ]


def test_plain_bar_of_work_that_fails(log):
    listener, clock, stream = log
    with pytest.raises(ZeroDivisionError), listener.bar("Train", 10, "rows") as bar:
        clock.now = 2
        bar.advance(4)
        raise ZeroDivisionError
    assert (
        stream.getvalue() == "Train: stopped at 4 of 10 rows (40%), 2.0 rows/s, 2.0 s elapsed, 3.0 s left\n"
    )


def test_plain_bar_of_nothing(log):
    listener, _, stream = log
    with listener.bar("Empty", 0, "rows"):
        pass
    assert stream.getvalue() == "Empty: 0 rows in 0.0 s\n"


def test_rich_bars_nest_and_leave_one_line_each():
    stream = io.StringIO()
    listener = RichListener(Console(file=stream, force_terminal=True, width=120, color_system=None))
    with listener.bar("Epochs [1]", 2, "epochs") as outer:
        for _ in range(2):
            with listener.bar("Train", 50, "bytes") as inner:
                inner.advance(50)
                inner.note("loss [0.5]")
                _wait_until(lambda: "loss [0.5]" in stream.getvalue())
            outer.advance()
        listener.say("saved [here]")
    text = stream.getvalue()
    assert "loss [0.5]" in text and "saved [here]" in text
    assert text.count("Train: 50 B in") == 2 and text.count("Epochs [1]: 2 epochs in") == 1
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # one display; the cursor is given back


def test_rich_display_ends_when_the_work_fails():
    stream = io.StringIO()
    listener = RichListener(Console(file=stream, force_terminal=True, width=120, color_system=None))
    with pytest.raises(ZeroDivisionError), listener.bar("Train", 10, "rows") as bar:
        bar.advance(4)
        raise ZeroDivisionError
    assert "Train: stopped at 4 of 10 rows" in stream.getvalue()
    assert "\x1b[?25h" in stream.getvalue()  # the cursor is given back


def _wait_until(happened):
    end = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < end, "the display was never drawn"
        time.sleep(0.02)


@pytest.mark.parametrize("settings", [{"quiet": True}, {"as_json": True}])
def test_quiet_and_json_are_silent(settings, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_listener", progress._listener)
    console.start()
    progress.say("heard")
    console.start(**settings)
    progress.say("not heard")
    with progress.bar("Train", 1, "rows") as bar:
        bar.advance()
        bar.note("x")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "heard\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (65, "1 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7380, "2 h 03 min"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_amount_and_rate():
    assert amount(1200, "rows", 3000) == "1,200 of 3,000 rows"
    assert rate(1234567, 1, "rows") == "1,234,567 rows/s"
    assert rate(3, 2, "rows") == "1.5 rows/s"
    assert rate(0, 5, "rows") == rate(5, 0, "rows") == ""


def test_table_is_aligned_and_never_wrapped_in_a_pipe(capsys):
    console.table(("Name", "ms"), [("a [b]", "1.5"), ("x" * 300, "10.25")], right={1})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("a [b]") and lines[2].endswith("   1.5") and lines[3].endswith("x   10.25")


def test_emit_json(capsys):
    @dataclass
    class Row:
        name: str
        path: Path

    console.emit_json({"row": Row("ü", Path("a/b")), "odd": "\udcff", "set": {2, 1}})
    text = capsys.readouterr().out
    assert "ü" in text
    assert json.loads(text) == {"row": {"name": "ü", "path": "a/b"}, "odd": "\udcff", "set": [1, 2]}
    console.emit_json({"error": float("inf"), "all": [1.5, float("nan")]})
    assert json.loads(capsys.readouterr().out) == {"error": None, "all": [1.5, None]}
    with pytest.raises(TypeError, match="object has no JSON form"):
        console.emit_json(object())


def test_split_overrides():
    words = [
        "run.yaml",
        "distill.epochs=5",
        "./a=b.yaml",
        "exports.0.precisions=[fp32]",
        "x=",
        "--y=1",
        "9=1",
    ]
    assert options.split_overrides(words) == (
        ["run.yaml", "./a=b.yaml", "--y=1", "9=1"],
        ["distill.epochs=5", "exports.0.precisions=[fp32]", "x="],
    )


def test_shared_options():
    @click.command()
    @options.json_option
    @options.quiet_option
    @options.device_option
    @options.threads_option
    @options.out_option("exported")
    def command(**values):
        click.echo(repr(values))

    def call(*words):
        return CliRunner().invoke(command, list(words))

    assert eval(call().output, {"PosixPath": Path}) == {
        "as_json": False, "quiet": False, "device": "auto", "threads": None, "out": Path("exported")
    }  # fmt: skip
    assert "'as_json': True" in call("--json", "-q", "--threads", "2", "-o", "x").output
    assert call("--threads", "0").exit_code == 2
    assert "'cuda'" in call("--device", "gpu").stderr
