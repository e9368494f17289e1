"""What a model must be before any loader sees it: safetensors or GGUF, whole, and without code."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from edgekit.assets.safetensors_header import tensor_names
from edgekit.assets.state_dict import ENDINGS as STATE_DICTS
from edgekit.assets.state_dict import holds_only_tensors
from edgekit.errors import AssetError

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
_GGUF_VERSIONS = (2, 3)
_CONFIGS = (  # where transformers looks for `auto_map`
    "config.json",
    "tokenizer_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
)
_INDEX = "model.safetensors.index.json"


def check_model(path: Path) -> None:
    """Refuses a model that is incomplete, damaged or could run code when loaded.

    Args:
        path: folder with `config.json` and safetensors weights (whole or sharded), folder with one
            GGUF file, a `.gguf` file, or a `.pth` file of tensors and nothing else.

    Raises:
        AssetError: says what is wrong and which file.
    """
    if path.is_file():
        if path.suffix in STATE_DICTS and holds_only_tensors(path):
            return
        refuse_pickle(path)
        if path.suffix != ".gguf":
            raise AssetError(
                f"{path} is not a model folder or a .gguf file.",
                remedy="Give the folder that holds config.json and *.safetensors; "
                "for a package, its path inside the archive in `member`.",
            )
        _check_gguf(path)
        return
    _refuse_escapes(path)
    for config in filter(Path.is_file, (path / name for name in _CONFIGS)):
        _refuse_code(config)
    weights = sorted(path.glob("*.safetensors"))
    gguf = sorted(path.glob("*.gguf"))
    if not weights and len(gguf) == 1:
        refuse_pickle(gguf[0])
        _check_gguf(gguf[0])
        return
    if not weights:
        raise _without_weights(path, gguf)
    if not (path / "config.json").is_file():
        raise AssetError(
            f"{path} has weights and no config.json.",
            remedy="Give a folder as `save_pretrained` writes it: copy config.json beside the weights.",
        )
    names = {}
    for file in weights:
        refuse_pickle(file)
        names[file.name] = tensor_names(file)
    if (path / _INDEX).is_file():
        _check_shards(path / _INDEX, names)


def refuse_pickle(path: Path) -> None:
    """Refuses a file that loads by unpickling, by its first bytes and not by its name.

    Raises:
        AssetError: a pickle, or a zip of pickles as torch.save writes it.
    """
    with path.open("rb") as stream:
        start = stream.read(9)
    # A safetensors header of 640 bytes also starts with 0x80 0x02; its ninth byte opens the JSON.
    is_pickle = start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05" and start[8:9] != b"{"
    is_torch = False
    if start[:4] == b"PK\x03\x04":
        try:
            with zipfile.ZipFile(path) as archive:
                is_torch = any(name.endswith(".pkl") for name in archive.namelist())
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise AssetError(
                f"{path} starts like a zip and can't be read as one ({error}).",
                remedy="Fetch the file again.",
            ) from error
    if is_pickle or is_torch:
        raise _pickled([path])


def _pickled(found: list[Path]) -> AssetError:
    names = ", ".join(file.name for file in found[:3])
    return AssetError(
        f"{names} in {found[0].parent} is a pickle, which can run any code when it is loaded; it is refused.",
        remedy="Convert it where you trust it: model.save_pretrained(folder), or for a state dict "
        'safetensors.torch.save_file(torch.load(file, weights_only=True), "model.safetensors").',
    )


def _without_weights(path: Path, gguf: list[Path]) -> AssetError:
    if len(gguf) > 1:
        return AssetError(
            f"{path} holds {len(gguf)} GGUF files: {', '.join(file.name for file in gguf[:5])}.",
            remedy="Give the path of one of them.",
        )
    pickled = sorted(file for file in path.iterdir() if file.suffix in PICKLED and file.is_file())
    if pickled:
        return _pickled(pickled)
    below = sorted(file.parent for file in path.glob("*/*.safetensors"))
    hint = f" There are some in {below[0]}." if below else ""
    return AssetError(
        f"{path} holds no *.safetensors and no .gguf file.",
        remedy=f"Give the folder that holds config.json and the weights.{hint}",
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise AssetError(f"{path} is not valid JSON: {error}.", remedy="Fetch the model again.") from error
    if not isinstance(value, dict):
        raise AssetError(f"{path} does not hold a JSON object.", remedy="Fetch the model again.")
    return value


def _refuse_code(config: Path) -> None:
    code = _read_json(config).get("auto_map")
    if code:
        named = next(iter(code.values()), code) if isinstance(code, dict) else code
        raise AssetError(
            f"{config} asks for the model's own Python code (auto_map: {named}), "
            "as trust_remote_code would run; it is refused.",
            remedy="Use a model whose architecture transformers ships. If transformers knows this "
            "`model_type`, remove `auto_map` from a copy of the folder.",
        )


def _check_shards(index: Path, names: dict[str, frozenset[str]]) -> None:
    shards = _read_json(index).get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(file, str) for file in shards.values()):
        raise AssetError(f"{index} has no weight_map of names to files.", remedy="Fetch the model again.")
    for tensor, file in shards.items():
        if PurePosixPath(file).name != file or "\\" in file:
            raise AssetError(
                f"{index} names the shard {file!r}, which leaves the model's folder.",
                remedy="Use a model whose shards lie beside their index.",
            )
        if file not in names:
            found = sum(shard in names for shard in set(shards.values()))
            raise AssetError(
                f"{index.parent} lacks the shard {file}: {found} of {len(set(shards.values()))} are there.",
                remedy="Fetch the missing shards into the same folder.",
            )
        if tensor not in names[file]:
            raise AssetError(
                f"{file} does not hold the tensor {tensor!r} that {index.name} places there.",
                remedy="Shards and index come from different versions; fetch the model again.",
            )


def _check_gguf(path: Path) -> None:
    """Magic, version, and counts that the file can hold: a value or a tensor takes at least 12 bytes."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(24)
    if head[:4] != b"GGUF":
        raise AssetError(f"{path} does not start with GGUF's magic bytes.", remedy="Give a GGUF file.")
    if len(head) < 24:
        raise AssetError(
            f"{path} is truncated: expected at least 24 bytes, found {size}.", remedy="Fetch the file again."
        )
    version, tensors, values = struct.unpack("<IQQ", head[4:])
    if version not in _GGUF_VERSIONS:
        raise AssetError(
            f"{path} is GGUF version {version}; edgekit reads {' and '.join(map(str, _GGUF_VERSIONS))}, "
            "little-endian.",
            remedy="Convert it with a current gguf tool.",
        )
    if (tensors + values) * 12 > size:
        raise AssetError(
            f"{path} is truncated: its header counts {tensors:,} tensors and {values:,} values, "
            f"and the file has {size:,} bytes.",
            remedy="Fetch the file again.",
        )


def _refuse_escapes(folder: Path) -> None:
    """Refuses links that leave the model's folder, but for a hub snapshot's links into its own repository."""
    root = folder.resolve()
    # Hub caches keep <repository>/snapshots/<commit>/<name> → <repository>/blobs/<hash>.
    for snapshot in (root, *root.parents[:-2]):
        if snapshot.parent.name == "snapshots" and snapshot.parents[1].name.startswith("models--"):
            root = snapshot.parents[1]
            break
    for entry in folder.rglob("*"):
        if entry.is_symlink() and not entry.resolve().is_relative_to(root):
            raise AssetError(
                f"{entry} is a link that leaves the model's folder; it is refused.",
                remedy="Replace the link by a copy of the file.",
            )
