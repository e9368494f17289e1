"""A stage runs again when, and only when, what it reads or wrote has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.stages.store import Store


def stage(store: Store, made: list[str], *, inputs: dict, text: str = "x") -> dict:
    out = store.folder / "out.txt"

    def make(key: str) -> dict:
        made.append(key)
        out.write_text(text)
        return {"rows": (1, 2)}

    return store.run("one", inputs=inputs, outputs=[out], make=make)


def test_it_is_skipped_when_nothing_changed(tmp_path: Path) -> None:
    made: list[str] = []
    first = stage(Store(tmp_path), made, inputs={"data": "a"})
    again = stage(Store(tmp_path), made, inputs={"data": "a"})
    assert len(made) == 1 and first == again == {"rows": [1, 2]}


def test_other_inputs_run_it_again(tmp_path: Path) -> None:
    made: list[str] = []
    stage(Store(tmp_path), made, inputs={"data": "a"})
    stage(Store(tmp_path), made, inputs={"data": "b"})
    assert len(set(made)) == 2


@pytest.mark.parametrize("damage", ["changed", "deleted", "record cut short"])
def test_damage_runs_it_again(tmp_path: Path, damage: str) -> None:
    made: list[str] = []
    stage(Store(tmp_path), made, inputs={})
    if damage == "changed":
        (tmp_path / "out.txt").write_text("y")
    elif damage == "deleted":
        (tmp_path / "out.txt").unlink()
    else:
        record = tmp_path / ".edgekit" / "stages" / "one.json"
        record.write_text(record.read_text()[:20])
    stage(Store(tmp_path), made, inputs={})
    assert len(made) == 2


def test_a_stage_that_fails_leaves_no_record(tmp_path: Path) -> None:
    made: list[str] = []
    stage(Store(tmp_path), made, inputs={"v": 1})

    def broken(key: str) -> None:
        raise RuntimeError

    store = Store(tmp_path)
    with pytest.raises(RuntimeError):
        store.run("one", inputs={"v": 2}, outputs=[], make=broken)
    stage(Store(tmp_path), made, inputs={"v": 2})
    assert len(made) == 2
