"""Answers on disk: what is read equals what was written, another key never matches, a kill costs little."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.distill import cache, top_k
from edgekit.distill.cache import Column, Layout, Reader, Writer, is_complete
from edgekit.errors import DiskFull

LENGTHS = [3, 1, 5, 2, 4, 4, 2]
COLUMNS = (
    Column("logits", "float32", 2, per_token=False),
    Column("hidden-3", "bfloat16", 8, per_token=True),
    Column("classes", "int32", 3, per_token=True),
)
BATCHES = [[1, 3, 6], [0, 4, 5], [2]]


@pytest.fixture
def layout() -> Layout:
    return Layout(COLUMNS, np.array(LENGTHS, dtype=np.int64))


def answers(indices: list[int]) -> dict[str, torch.Tensor]:
    """Numbers that tell row, token and column apart, with rubbish beyond each row."""
    width = max(LENGTHS[i] for i in indices)
    made = {
        "logits": torch.tensor([[i + 0.1, i + 0.2] for i in indices]),
        "hidden-3": torch.full((len(indices), width, 8), float("nan")),
        "classes": torch.full((len(indices), width, 3), -1),
    }
    for place, i in enumerate(indices):
        for token in range(LENGTHS[i]):
            made["hidden-3"][place, token] = 16 * i + token + torch.arange(8) / 8
            made["classes"][place, token] = 100 * i + 10 * token + torch.arange(3)
    return made


def fill(folder: Path, layout: Layout, key: str = "key", stop_after: int | None = None) -> Writer:
    writer = Writer(folder, key, layout)
    for indices in BATCHES[writer.done : stop_after]:
        writer.write(indices, answers(indices))
    if stop_after is None:
        writer.finish({"rows": len(LENGTHS)})
    return writer


def test_reads_what_was_written_in_any_order_with_zeros_as_padding(tmp_path: Path, layout: Layout) -> None:
    fill(tmp_path, layout)
    reader = Reader(tmp_path, layout)
    indices = torch.tensor([4, 1, 2])
    places = reader.places(indices, width=6)
    assert reader.rows("logits", indices).tolist() == answers([4, 1, 2])["logits"].tolist()
    hidden = reader.tokens("hidden-3", places)
    assert hidden.dtype is torch.bfloat16
    assert hidden.shape == (3, 6, 8)
    expected = torch.zeros(3, 6, 8)
    expected[:, :5] = answers([4, 1, 2])["hidden-3"].nan_to_num(0.0)
    assert torch.equal(hidden.float(), expected.bfloat16().float())
    assert reader.tokens("classes", places)[0, 3].tolist() == [430, 431, 432]


def test_a_row_longer_than_the_batch_is_not_cut(tmp_path: Path, layout: Layout) -> None:
    fill(tmp_path, layout)
    reader = Reader(tmp_path, layout)
    assert reader.tokens("hidden-3", reader.places(torch.tensor([2]), width=2)).shape == (1, 5, 8)


def test_numpy_alone_can_read_it_and_its_size_was_known(tmp_path: Path, layout: Layout) -> None:
    fill(tmp_path, layout)
    logits = np.load(tmp_path / "logits.npy")
    assert logits.shape == (7, 2)
    assert logits[5].tolist() == pytest.approx([5.1, 5.2])
    numbers = sum(np.load(path).nbytes for path in tmp_path.glob("*.npy"))
    assert numbers == layout.size_bytes == 7 * 2 * 4 + 22 * 8 * 2 + 22 * 3 * 4


def test_only_a_whole_cache_of_the_same_key_counts(tmp_path: Path, layout: Layout) -> None:
    assert not is_complete(tmp_path, "key", layout)
    fill(tmp_path, layout, stop_after=2)
    assert not is_complete(tmp_path, "key", layout)
    fill(tmp_path, layout)
    assert is_complete(tmp_path, "key", layout)
    assert not is_complete(tmp_path, "kez", layout)
    with (tmp_path / "hidden-3.npy").open("r+b") as stream:
        stream.truncate(100)
    assert not is_complete(tmp_path, "key", layout)


@pytest.mark.parametrize("text", ["", "[]", '{"key": 3}', "{"])
def test_a_damaged_record_is_no_cache(tmp_path: Path, layout: Layout, text: str) -> None:
    fill(tmp_path, layout)
    (tmp_path / "meta.json").write_text(text)
    assert not is_complete(tmp_path, "key", layout)
    fill(tmp_path, layout)
    assert is_complete(tmp_path, "key", layout)


def test_another_key_starts_over_and_deletes_the_old_answers(tmp_path: Path, layout: Layout) -> None:
    fill(tmp_path, layout, "old")
    (tmp_path / "hidden-9.npy").write_bytes(b"of a column that is no longer wanted")
    writer = Writer(tmp_path, "new", layout)
    assert writer.done == 0
    assert not (tmp_path / "hidden-9.npy").exists()
    assert not np.load(tmp_path / "logits.npy").any()


def test_an_unfinished_cache_goes_on_after_its_last_commit(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fill(tmp_path, layout, stop_after=1).done == 1
    assert Writer(tmp_path, "key", layout).done == 0  # written, but too young for a commit
    monkeypatch.setattr(cache, "COMMIT_S", 0.0)
    fill(tmp_path, layout, stop_after=2)
    writer = Writer(tmp_path, "key", layout)
    assert writer.done == 2
    writer.write(BATCHES[2], answers(BATCHES[2]))
    writer.finish({})
    fill(tmp_path / "whole", layout)
    for column in COLUMNS:
        assert (tmp_path / column.file).read_bytes() == (tmp_path / "whole" / column.file).read_bytes()


def test_no_space_is_said_before_anything_is_written(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgekit.files.shutil.disk_usage", lambda _: type("U", (), {"free": 100})())
    with pytest.raises(DiskFull, match=r"The teacher's answers needs about 672 B"):
        Writer(tmp_path / "cache", "key", layout)
    assert not (tmp_path / "cache").exists()


def test_meta_names_columns_and_rows(tmp_path: Path, layout: Layout) -> None:
    fill(tmp_path, layout)
    told = json.loads((tmp_path / "meta.json").read_text())
    assert told["key"] == "key"
    assert told["rows"] == 7
    assert told["columns"]["hidden-3"] == {"dtype": "bfloat16", "per_token": True}
    assert not (tmp_path / "done.json").exists()


def test_cut_logits_keep_the_probabilities_of_the_largest_and_sum_to_one() -> None:
    logits = torch.randn(4, 3, 1000, generator=torch.Generator().manual_seed(0)) * 3
    values, classes, rest = top_k.cut(logits, 8)
    restored = top_k.restore(values, classes, rest, count=1000)
    before, after = logits.softmax(-1), restored.softmax(-1)
    assert torch.allclose(after.sum(-1), torch.ones(4, 3), atol=1e-5)
    kept = classes.long()
    assert torch.allclose(after.gather(-1, kept), before.gather(-1, kept), rtol=1e-4)
    assert torch.equal(restored.argmax(-1), logits.argmax(-1))


def test_cut_logits_by_hand() -> None:
    logits = torch.tensor([[2.0, 0.0, 1.0, 0.0]])
    values, classes, rest = top_k.cut(logits, 2)
    assert values.tolist() == [[2.0, 1.0]]
    assert classes.tolist() == [[0, 2]]
    assert rest.item() == pytest.approx(np.log(2.0))  # two zeros
    assert top_k.restore(values, classes, rest, count=4).tolist()[0] == pytest.approx([2.0, 0.0, 1.0, 0.0])
