"""Whether a model is a decoder, which bytes it is made of, and which texts it is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.errors import DataError
from edgekit.files import read_json, sha256_file, sha256_json
from edgekit.recipe.schema import Asset, Data

CAUSAL = ("ForCausalLM", "LMHeadModel")  # how the classes end that write on after a text


@dataclass(frozen=True, slots=True)
class DecoderBytes:
    """Hashes of what a decoder is made of."""

    weights: str  # sha256 of the weights file, or of the sha256s of several
    all: str  # with configuration and tokenizer


def is_decoder(path: Path) -> bool:
    """Whether a path is a `.gguf` file, a folder with one, or a folder whose config.json names a decoder."""
    if not path.is_dir():
        return path.suffix == ".gguf" and path.is_file()
    config = path / "config.json"
    if not config.is_file():
        return any(path.glob("*.gguf"))
    try:
        told = read_json(config)
    except ValueError:
        return False  # who loads it says what is wrong
    if names := told.get("architectures"):
        return any(str(name).endswith(CAUSAL) for name in names)
    from edgekit.models.decoders.build import DECODERS

    return told.get("model_type") in DECODERS


def decoder_bytes(path: Path) -> DecoderBytes:
    """Hashes of a decoder's files."""
    folder = path if path.is_dir() else path.parent
    weights = [path] if path.is_file() else sorted([*path.glob("*.safetensors"), *path.glob("*.gguf")])
    own = [] if path.is_file() else ["config.json", "generation_config.json", "tokenizer.json"]
    files = [*weights, *(folder / name for name in own if (folder / name).is_file())]
    told = {file.name: sha256_file(file) for file in files}
    of_weights = [told[file.name] for file in weights]
    return DecoderBytes(of_weights[0] if len(of_weights) == 1 else sha256_json(of_weights), sha256_json(told))


def read_texts(path: Path | None, *, column: str = "text") -> Sequence[str]:
    """Texts to compare on: lines of a `.txt` file, a column of a table, or the built-in ones without a path.

    Raises:
        DataError: no such file or column, not UTF-8, or no text in it.
    """
    from edgekit.verify.decoder_texts import TEXTS

    if path is None:
        return TEXTS
    if path.suffix == ".txt":
        try:
            found = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is not UTF-8 text.", remedy="Save it as UTF-8.") from error
    else:
        from edgekit.data.read import read_rows

        table = read_rows(path, Data(source=Asset(path=path), text=column))
        found = [str(value) for value in table.column(column, setting="data.text")]
    if kept := [text for text in found if text.strip()]:
        return kept
    raise DataError(f"{path} holds no text.", remedy="Give one text a line, or name the column.")
