"""Which models are let in, and why the others are not."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest

from edgekit.assets import fetch
from edgekit.assets.checks import check_model, refuse_pickle
from edgekit.assets.safetensors_header import tensor_names
from edgekit.errors import AssetError
from edgekit.recipe.schema import Asset

TENSORS = {
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "I8", "shape": [], "data_offsets": [24, 25]},
}


def safetensors(header: Any = None, body: bytes = bytes(25), length: int | None = None) -> bytes:
    raw = json.dumps(TENSORS if header is None else header).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + body


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "model.safetensors").write_bytes(safetensors())
    return folder


def refused(path: Path) -> AssetError:
    with pytest.raises(AssetError) as caught:
        check_model(path)
    assert caught.value.remedy
    return caught.value


def test_a_whole_model_is_let_in(model: Path) -> None:
    check_model(model)
    source = fetch(Asset(path=model), kind="model")
    assert source.path == model and source.uri == str(model) and len(source.sha256) == 64


def test_a_file_that_safetensors_wrote_is_let_in(model: Path) -> None:
    import torch
    from safetensors.torch import save_file

    written = {"x": torch.zeros(3, 4), "y": torch.zeros(2, dtype=torch.bfloat16), "z": torch.zeros(0)}
    save_file(written, model / "model.safetensors", metadata={"format": "pt"})
    assert tensor_names(model / "model.safetensors") == set(written)
    check_model(model)


def test_a_truncated_file_names_both_sizes(model: Path) -> None:
    file = model / "model.safetensors"
    whole = file.stat().st_size
    file.write_bytes(file.read_bytes()[:-10])
    fact = refused(model).fact
    assert (
        f"model.safetensors is not a whole safetensors file: it is truncated: expected {whole} bytes" in fact
    )
    assert f"found {whole - 10}" in fact


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it has 0 bytes"),
        (safetensors()[:30], "and the file has 30"),
        (safetensors(length=2**40), "the format allows 100,000,000"),
        (safetensors(body=bytes(26)), "it is too long"),
        (safetensors([1]), "not a JSON object"),
        (b"\x05" + bytes(7) + b"{nope", "not valid JSON"),
        (safetensors({"a": {**TENSORS["a"], "shape": [7]}}, bytes(24)), "its shape needs 28"),
        (safetensors({"a": {**TENSORS["a"], "dtype": "OBJECT"}}, bytes(24)), "can't be read"),
        (safetensors({"a": {"dtype": "F32"}}, b""), "lacks dtype, shape or data_offsets"),
        (
            safetensors({"a": TENSORS["a"], "b": {"dtype": "I8", "shape": [5], "data_offsets": [20, 25]}}),
            "tensors 'a' and 'b' overlap",
        ),
        (
            safetensors(
                {"a": TENSORS["a"], "b": {"dtype": "I8", "shape": [1], "data_offsets": [25, 26]}}, bytes(26)
            ),
            "leave a gap",
        ),
        (safetensors({"b": {"dtype": "I8", "shape": [1], "data_offsets": [24, 25]}}), "before it unused"),
        (
            b"\x77" + bytes(7) + b'{"a":%s,"a":%s}' % ((json.dumps(TENSORS["b"]).encode(),) * 2),
            "a name appears twice",
        ),
    ],
)
def test_a_damaged_header_is_refused(model: Path, content: bytes, reason: str) -> None:
    (model / "model.safetensors").write_bytes(content)
    assert reason in refused(model).fact


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl", "model.ckpt"])
def test_pickles_alone_are_refused_with_the_way_out(model: Path, name: str) -> None:
    (model / "model.safetensors").unlink()
    (model / name).write_bytes(pickle.dumps({"weight": [1.0]}))
    error = refused(model)
    assert f"{name} in {model} is a pickle" in error.fact
    assert "save_pretrained" in error.remedy


def test_a_pickle_beside_safetensors_is_not_what_gets_loaded(model: Path) -> None:
    (model / "training_args.bin").write_bytes(pickle.dumps({}))
    check_model(model)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_named_safetensors_is_refused_as_a_pickle(model: Path, protocol: int) -> None:
    (model / "model.safetensors").write_bytes(pickle.dumps({"weight": [1.0]}, protocol))
    assert "is a pickle" in refused(model).fact


@pytest.mark.parametrize("zipped", [True, False])
def test_a_torch_file_named_safetensors_is_refused_as_a_pickle(model: Path, zipped: bool) -> None:
    import torch

    torch.save({"w": torch.zeros(2)}, model / "model.safetensors", _use_new_zipfile_serialization=zipped)
    assert "is a pickle" in refused(model).fact


def test_a_header_of_640_bytes_is_not_taken_for_a_pickle(model: Path) -> None:
    """Its length starts the file with 0x80 0x02, as a pickle of protocol 2 does."""
    header = json.dumps({"__metadata__": {"pad": ""}})
    header = json.dumps({"__metadata__": {"pad": "x" * (640 - len(header))}})
    (model / "model.safetensors").write_bytes((640).to_bytes(8, "little") + header.encode())
    check_model(model)


def test_a_pickle_as_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(pickle.dumps([1]))
    with pytest.raises(AssetError, match="is a pickle"):
        fetch(Asset(path=tmp_path / "rows.csv"), kind="data")
    (tmp_path / "rows.csv").write_bytes(b"text,label\n")
    refuse_pickle(tmp_path / "rows.csv")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_models_own_code_is_refused(model: Path, name: str) -> None:
    (model / name).write_text('{"auto_map": {"AutoModel": "modeling_evil.Model"}}')
    fact = refused(model).fact
    assert "trust_remote_code" in fact and "modeling_evil.Model" in fact


@pytest.mark.parametrize("text", ["{", "[]", '{"a": ' * 100_000])
def test_a_config_that_is_no_object_is_refused(model: Path, text: str) -> None:
    (model / "config.json").write_text(text)
    assert "config.json" in refused(model).fact


def test_weights_without_a_config_are_refused(model: Path) -> None:
    (model / "config.json").unlink()
    assert "no config.json" in refused(model).fact


def test_a_folder_without_weights_points_at_those_below(model: Path) -> None:
    assert str(model) in refused(model.parent).remedy


def shard(model: Path, weight_map: dict[str, Any]) -> None:
    (model / "model.safetensors").rename(model / "model-1.safetensors")
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_shards_that_are_all_there_are_let_in(model: Path) -> None:
    shard(model, {"a": "model-1.safetensors", "b": "model-1.safetensors"})
    check_model(model)


@pytest.mark.parametrize(
    ("weight_map", "reason"),
    [
        (
            {"a": "model-1.safetensors", "c": "model-2.safetensors"},
            "lacks the shard model-2.safetensors: 1 of 2",
        ),
        ({"a": "../model-1.safetensors"}, "leaves the model's folder"),
        ({"a": "/model-1.safetensors"}, "leaves the model's folder"),
        ({"c": "model-1.safetensors"}, "does not hold the tensor 'c'"),
        ({"a": 1}, "no weight_map"),
    ],
)
def test_shards_that_are_not_are_refused(model: Path, weight_map: dict[str, Any], reason: str) -> None:
    shard(model, weight_map)
    assert reason in refused(model).fact


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), None),
        (b"GGML" + struct.pack("<IQQ", 3, 0, 0), "magic"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version 50331648"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "truncated"),
        (b"GGUF\x03", "truncated"),
    ],
)
def test_gguf_by_magic_and_version(tmp_path: Path, content: bytes, reason: str | None) -> None:
    for file in (tmp_path / "m.gguf", tmp_path / "folder" / "m.gguf"):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        given = file if file.parent == tmp_path else file.parent
        if reason is None:
            check_model(given)
        else:
            assert reason in refused(given).fact


def test_a_link_out_of_the_folder_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("x")
    (model / "vocab.txt").symlink_to(tmp_path / "outside.txt")
    assert "vocab.txt is a link that leaves the model's folder" in refused(model).fact
    (model / "vocab.txt").unlink()
    (model / "vocab.txt").symlink_to("config.json")
    check_model(model)


def test_a_hub_snapshot_may_link_into_its_own_repository_only(model: Path, tmp_path: Path) -> None:
    repository = tmp_path / "models--org--tiny"
    (repository / "blobs").mkdir(parents=True)
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    for file in model.iterdir():
        (repository / "blobs" / file.name).write_bytes(file.read_bytes())
        (snapshot / file.name).symlink_to(f"../../blobs/{file.name}")
    check_model(snapshot)
    (snapshot / "vocab.txt").symlink_to("../../../models--other--one/blobs/x")
    assert "leaves" in refused(snapshot).fact
