"""A tokenizer for every platform: tables probed from Hugging Face `tokenizers`, and texts that prove them."""

from edgekit.kits.tokenizer.golden import Golden, golden_vectors, write_golden
from edgekit.kits.tokenizer.nasty import nasty_texts
from edgekit.kits.tokenizer.source import Source, load
from edgekit.kits.tokenizer.tables import TokenizerTables, build_tables, check, write_tables

__all__ = [
    "Golden",
    "Source",
    "TokenizerTables",
    "build_tables",
    "check",
    "golden_vectors",
    "load",
    "nasty_texts",
    "write_golden",
    "write_tables",
]
