from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgekit.benchmark.contestant import Contestant
from edgekit.benchmark.peak import peak_memory, representative_rows
from edgekit.benchmark.rows_file import load_rows, save_rows
from edgekit.errors import DataError, EdgekitError

Make = Callable[..., Contestant]
ROWS = [{"input_ids": np.array([[token, 1, 2]])} for token in range(3)]


def test_weights_count_and_the_parent_does_not(make_contestant: Make) -> None:
    ballast = np.ones(40_000_000)  # 320 MB that a child inherits in `ru_maxrss`
    light = peak_memory(make_contestant("light").path, ROWS, threads=1)
    heavy = peak_memory(make_contestant("heavy", width=1024, layers=16).path, ROWS, threads=1)
    assert 10e6 < light < ballast.nbytes
    assert heavy - light > 0.8 * 16 * 1024 * 1024 * 4


def test_a_damaged_artifact_is_named_with_the_worker_s_words(make_contestant: Make) -> None:
    path = make_contestant("cut").path
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(EdgekitError, match=r"memory of cut\.onnx failed") as caught:
        peak_memory(path, ROWS, threads=1)
    assert "not a readable ONNX model" in caught.value.fact


def test_a_row_the_artifact_cannot_run_is_an_error(make_contestant: Make) -> None:
    with pytest.raises(EdgekitError, match="out of data bounds"):
        peak_memory(make_contestant("small").path, [{"input_ids": np.array([[999]])}], threads=1)


def test_a_worker_that_takes_too_long_is_ended(make_contestant: Make) -> None:
    with pytest.raises(EdgekitError, match=r"longer than 0\.01 s"):
        peak_memory(make_contestant("small").path, ROWS, threads=1, timeout_s=0.01)


def test_no_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least one row"):
        peak_memory(tmp_path / "any.onnx", [], threads=1)


def test_the_longest_rows_and_a_spread_of_the_others_are_kept() -> None:
    rows = [{"input_ids": np.zeros((1, length), int)} for length in range(1, 501)]
    lengths = [row["input_ids"].size for row in representative_rows(rows)]
    assert len(lengths) == 64
    assert lengths[:16] == list(range(500, 484, -1))
    assert lengths[16:] == sorted(lengths[16:], reverse=True)
    assert (lengths[16], lengths[-1]) == (484, 1)
    assert len(set(lengths)) == 64
    assert len(representative_rows(rows[:5])) == 5


def test_rows_survive_the_file_with_names_dtypes_and_order(tmp_path: Path) -> None:
    rows = [
        {"a:b/c": np.array([[index, 2]], dtype=np.int32), "mask": np.array([[True, False]])}
        for index in range(12)
    ]
    save_rows(tmp_path / "rows.npz", rows)
    loaded = list(load_rows(tmp_path / "rows.npz"))
    assert len(loaded) == 12
    for index, batch in enumerate(loaded):
        assert set(batch) == {"a:b/c", "mask"}
        assert batch["a:b/c"].dtype == np.int32 and batch["mask"].dtype == bool
        assert batch["a:b/c"].tolist() == [[index, 2]]


def test_objects_are_not_pickled(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'text' of row 0"):
        save_rows(tmp_path / "rows.npz", [{"text": np.array([object()])}])
    assert not (tmp_path / "rows.npz").exists()
