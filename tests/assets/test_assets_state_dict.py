"""A `.pth` file passes only when its pickles name nothing but what rebuilds tensors."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from edgekit.assets.checks import check_model
from edgekit.assets.state_dict import holds_only_tensors
from edgekit.errors import AssetError


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64])
def test_tensors_pass(tmp_path: Path, zipped: bool, dtype: torch.dtype) -> None:
    path = tmp_path / "weights.pth"
    state = OrderedDict(a=torch.ones(3, 4, dtype=dtype), b=torch.zeros(2, dtype=dtype))
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    assert holds_only_tensors(path)
    check_model(path)
    assert torch.load(path, weights_only=True).keys() == state.keys()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("value", [Evil(), torch.nn.Linear(2, 2), {"a": print}])
def test_anything_else_is_refused(tmp_path: Path, zipped: bool, value: object) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.ones(2), "b": value}, path, _use_new_zipfile_serialization=zipped)
    assert not holds_only_tensors(path)
    with pytest.raises(AssetError, match="is a pickle"):
        check_model(path)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_bare_pickle_is_refused(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps([Evil()] * 5, protocol))
    assert not holds_only_tensors(path)
    path.write_bytes(pickle.dumps(1, protocol) * 4 + pickle.dumps(Evil(), protocol))
    assert not holds_only_tensors(path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.ones(100)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:40])
    assert not holds_only_tensors(path)


def test_the_ending_decides_nothing_for_other_files(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    torch.save({"a": torch.ones(2)}, path)
    with pytest.raises(AssetError, match="is a pickle"):
        check_model(path)
