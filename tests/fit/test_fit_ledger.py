"""One study for several processes: nothing is drawn twice, and what a killed process held goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.errors import ModelError
from edgekit.fit.ledger import RESULT, Held, Ledger, open_ledger, relatives

WORKER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
from test_fit_ledger import draw, ledger_at
ledger = ledger_at(Path(sys.argv[1]))
drawn = 0
while drawn < int(sys.argv[2]):
    with ledger.alone():
        held = draw(ledger)
    if held is None:
        continue
    drawn += 1
    print(held.trial.params["x"], flush=True)
    if sys.argv[3] == "hold":
        time.sleep(60)
    ledger.close(held.trial, "", values=1.0)
    held.lock.release()
"""


def ledger_at(folder: Path, name: str = "search") -> Ledger:
    return open_ledger(folder, name=name, origin="same", seed=3)


def draw(ledger: Ledger, high: int = 19) -> Held | None:
    return ledger.draw(
        lambda trial: {"x": trial.suggest_int("x", 0, high)}, lambda chosen: f"key{chosen['x']}"
    )


def worker(folder: Path, count: int, how: str) -> subprocess.Popen[str]:
    code = WORKER.format(here=str(Path(__file__).parent))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(count), how], stdout=subprocess.PIPE, text=True
    )


def test_what_was_drawn_before_is_not_drawn_again(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    seen = []
    for _ in range(30):
        with ledger.alone():
            held = draw(ledger, high=2)
        if held is not None:
            seen.append(held.trial.params["x"])
            ledger.close(held.trial, "", values=1.0)
            held.lock.release()
    assert sorted(seen) == [0, 1, 2]


def test_values_that_do_not_go_together_are_closed_with_the_reason(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)

    def impossible(chosen: dict[str, int]) -> str:
        raise ModelError("width 7 can't have 2 heads", remedy="")

    with ledger.alone():
        assert ledger.draw(lambda trial: {"x": trial.suggest_int("x", 0, 3)}, impossible) is None
    [trial] = ledger.trials()
    assert trial.user_attrs["why"] == "impossible: width 7 can't have 2 heads"
    assert trial.constraints == {"impossible": 1.0}


def test_a_trial_in_work_is_left_alone_and_one_of_a_killed_process_goes_on(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    process = worker(tmp_path, 1, "hold")
    assert process.stdout is not None
    value = int(process.stdout.readline())
    with ledger.alone():
        assert ledger.orphan() is None and ledger.busy()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with ledger.alone():
        assert not ledger.busy()
        held = ledger.orphan()
        assert ledger.orphan() is None, "it is held now"
    assert held is not None and held.trial.number == 0 and held.trial.params == {"x": value}
    held.trial.report(0.5, 10)
    assert ledger.last_step(held.trial) == 10
    ledger.close(held.trial, "", values=1.0)
    assert [t.value for t in ledger.trials()] == [1.0]


def test_two_processes_share_a_search_without_repeating_a_trial(tmp_path: Path) -> None:
    both = [worker(tmp_path, 6, "close") for _ in range(2)]
    drawn = [line for process in both for line in process.communicate(timeout=120)[0].split()]
    assert [process.returncode for process in both] == [0, 0]
    assert len(drawn) == 12 and len(set(drawn)) == 12
    assert len(ledger_at(tmp_path).trials()) == 12


def test_a_stopped_search_draws_what_it_would_have_drawn(tmp_path: Path) -> None:
    def drawn(ledger: Ledger, count: int) -> list[int]:
        found = []
        while len(found) < count:
            with ledger.alone():
                held = draw(ledger)
            if held is not None:
                found.append(held.trial.params["x"])
                ledger.close(held.trial, "", values=float(held.trial.params["x"]))
                held.lock.release()
        return found

    whole = drawn(ledger_at(tmp_path / "a"), 6)
    assert drawn(ledger_at(tmp_path / "b"), 3) + drawn(ledger_at(tmp_path / "b"), 3) == whole


def test_trained_trials_of_other_bounds_are_found(tmp_path: Path) -> None:
    first = ledger_at(tmp_path, "eight megabytes")
    for trained in (True, False):
        with first.alone():
            held = draw(first)
        assert held is not None
        if trained:
            held.trial.set_user_attr(RESULT, [{"precision": "int8"}])
        first.close(held.trial, "", values=1.0)
        held.lock.release()
    assert [t.number for t in relatives(ledger_at(tmp_path, "six megabytes"))] == [0]
    other = open_ledger(tmp_path, name="another teacher", origin="other", seed=3)
    assert relatives(other) == []


def test_without_optuna_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgekit.errors import MissingExtra

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match="search") as caught:
        ledger_at(tmp_path)
    assert "edgekit[fit]" in caught.value.remedy
