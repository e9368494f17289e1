"""The tokenizer that a kit must agree with, as Python uses it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.errors import AssetError, first_line
from edgekit.files import sha256_file

STRATEGIES = {"longest_first": "LongestFirst", "only_first": "OnlyFirst", "only_second": "OnlySecond"}
_NO_LIMIT = 1_000_000  # tokens; transformers writes a huge number where a model has no limit


@dataclass(frozen=True, slots=True)
class Source:
    """A tokenizer with its truncation set and without padding."""

    tokenizer: Any  # tokenizers.Tokenizer
    spec: dict[str, Any]  # its tokenizer.json, with truncation and padding as a kit has them
    sha256: str  # of the file


def load(
    path: Path, *, max_length: int | None = None, strategy: str | None = None, whole: bool = False
) -> Source:
    """Reads a tokenizer.json, or a model's folder as transformers does.

    A folder's tokenizer_config.json can change what tokenizer.json says (a space in front, the side that is
    cut, the padding token), so a folder is loaded by transformers and its tokenizer asked.

    Args:
        path: a tokenizer.json, or a folder with one.
        max_length: tokens, special tokens included; None: as the files say.
        strategy: a key of `STRATEGIES`; None: as the file says, else longest first.
        whole: never cut, whatever the files say.

    Raises:
        AssetError: there is no tokenizer.json, or it can't be read.
    """
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise AssetError(
            f"{file} does not exist; a kit's tables are made from it.",
            remedy="Save the model's fast tokenizer there: "
            "AutoTokenizer.from_pretrained(…).save_pretrained(…).",
        )
    try:
        tokenizer, padding = _from_folder(path) if path.is_dir() else _from_file(file)
    except Exception as error:
        raise AssetError(
            f"{file} can't be read: {first_line(error)}",
            remedy="Save it again with the installed version of transformers.",
        ) from error
    found = json.loads(tokenizer.to_str())
    truncation = found["truncation"] or {"max_length": None, "strategy": "LongestFirst", "direction": "Right"}
    tokenizer.no_padding()
    tokenizer.no_truncation()
    limit = max_length or truncation["max_length"]
    if limit is not None and not whole:
        names = {name: key for key, name in STRATEGIES.items()}
        strategy = strategy or names[truncation["strategy"]]
        tokenizer.enable_truncation(limit, strategy=strategy, direction=truncation["direction"].lower())
    spec = {**json.loads(tokenizer.to_str()), "padding": padding or found["padding"]}
    return Source(tokenizer, spec, sha256_file(file))


def _from_file(path: Path) -> tuple[Any, dict[str, Any] | None]:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(path)), None


def _from_folder(path: Path) -> tuple[Any, dict[str, Any] | None]:
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    processor = AutoTokenizer.from_pretrained(path, local_files_only=True)
    tokenizer = Tokenizer.from_str(processor.backend_tokenizer.to_str())
    tokenizer.no_truncation()
    if processor.model_max_length < _NO_LIMIT:
        tokenizer.enable_truncation(processor.model_max_length, direction=processor.truncation_side)
    if processor.pad_token_id is None:
        return tokenizer, None
    return tokenizer, {
        "pad_id": processor.pad_token_id,
        "pad_type_id": processor.pad_token_type_id,
        "direction": processor.padding_side.capitalize(),
    }
