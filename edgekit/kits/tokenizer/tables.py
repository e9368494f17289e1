"""A tokenizer as tables that every kit reads: probed, written, and checked against the tokenizer itself."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit import progress
from edgekit.errors import ExportError
from edgekit.files import atomic
from edgekit.kits.tokenizer import ending
from edgekit.kits.tokenizer.golden import Golden, golden_vectors
from edgekit.kits.tokenizer.models import model_files
from edgekit.kits.tokenizer.normalizers import normalizer_lines
from edgekit.kits.tokenizer.pretokenizers import pre_tokenizer_lines
from edgekit.kits.tokenizer.reference import ReferenceTokenizer
from edgekit.kits.tokenizer.refuse import refusal
from edgekit.kits.tokenizer.source import Source, load

FORMAT = 1
CHECKED = 2000  # golden texts that every table is run over


@dataclass(frozen=True, slots=True)
class TokenizerTables:
    """The files of a tokenizer; docs/kit-tokenizer.md describes them."""

    kind: str  # "wordpiece" | "bpe" | "unigram"
    files: Mapping[str, str]  # name → content: tokenizer.txt, vocab.txt, and merges.txt or scores.txt
    max_length: int | None  # tokens, special tokens included
    sha256: str  # of the tokenizer.json

    @property
    def size_bytes(self) -> int:
        return sum(len(content.encode()) for content in self.files.values())


def build_tables(
    path: Path,
    *,
    max_length: int | None = None,
    strategy: str | None = None,
    whole: bool = False,
    checked: int = CHECKED,
) -> TokenizerTables:
    """Tables for a tokenizer.json, or for a model's folder as transformers loads it.

    Args:
        path: a tokenizer.json, or a folder with one.
        max_length: tokens that a text is cut to, special tokens included; None: as the files say.
        strategy: which text of a pair is cut: "longest_first", "only_first" or "only_second"; None: as the
            file says, else longest first.
        whole: texts are never cut, whatever the files say: a decoder's prompts.
        checked: golden texts that the tables are run over before they are given back.

    Raises:
        AssetError: there is no tokenizer.json, or it can't be read.
        ExportError: the tokenizer has a part that kits don't know, or the tables give another id than it.
    """
    source = load(path, max_length=max_length, strategy=strategy, whole=whole)
    tables = tables_of(source)
    check(tables, golden_vectors(source, count=checked))
    return tables


def tables_of(source: Source) -> TokenizerTables:
    """Tables, not yet checked."""
    spec = source.spec
    model, files = model_files(spec["model"])
    lengths = ending.length_lines(spec["truncation"], spec["padding"])
    limit = spec["truncation"]["max_length"] if spec["truncation"] else None
    if limit is not None and limit < ending.special_count(spec["post_processor"]):
        raise refusal(f"it adds more special tokens than max_length ({limit}) allows", "no text would fit")
    lines = [
        f"format {FORMAT}",
        f"sha256 {source.sha256}",
        model,
        *ending.added_lines(spec["added_tokens"], source.tokenizer.normalizer),
        *normalizer_lines(spec["normalizer"]),
        "pieces",
        *pre_tokenizer_lines(spec["pre_tokenizer"]),
        *ending.template_lines(spec["post_processor"]),
        *lengths,
    ]
    made = {"tokenizer.txt": "".join(line + "\n" for line in lines), **files}
    return TokenizerTables(model.split(" ")[1], made, limit, source.sha256)


def check(tables: TokenizerTables, vectors: Sequence[Golden]) -> None:
    """Runs the tables over golden vectors, in Python.

    Raises:
        ExportError: an id or a type id is another than the tokenizer's.
    """
    tokenizer = ReferenceTokenizer(tables.files)
    with progress.bar("Check tokenizer tables", len(vectors), "texts") as bar:
        for vector in vectors:
            try:
                found = tuple(map(tuple, tokenizer.encode(vector.text, vector.pair)))
            except ValueError as error:
                found = error.args
            if found != (vector.ids, vector.types):
                raise ExportError(
                    f"For the text {reprlib.repr(vector.text)} and the pair {reprlib.repr(vector.pair)} the "
                    f"tables give {reprlib.repr(found[0])}; the tokenizer itself gives "
                    f"{reprlib.repr(vector.ids)}.",
                    remedy="Use a model with another tokenizer, or call this one from Python. Please report "
                    "the tokenizer.json: kits should either agree with it or name the part they lack.",
                )
            bar.advance()


def write_tables(tables: TokenizerTables, folder: Path) -> Path:
    """Writes the files into a folder of their own; it is replaced as a whole.

    Raises:
        DiskFull: no space was left; what was there before is kept.
    """
    with atomic(folder) as temporary:
        temporary.mkdir()
        for name, content in tables.files.items():
            (temporary / name).write_text(content, encoding="utf-8", newline="\n")
    return folder
