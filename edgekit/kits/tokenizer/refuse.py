"""What a kit can't reproduce is refused while it is made; nothing is approximated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgekit.errors import ExportError

Json = Mapping[str, Any]


def refusal(what: str, why: str = "a kit doesn't have it") -> ExportError:
    """The error for a tokenizer's part that isn't supported."""
    return ExportError(
        f"The tokenizer can't go into a kit: {what}; {why}.",
        remedy="Use a model with another tokenizer, or call this one from Python. Kits know WordPiece, BPE "
        "and Unigram; docs/kit-tokenizer.md lists their parts.",
    )


def fields(part: Json, where: str, *known: str) -> list[Any]:
    """The values of a part's fields in the order asked.

    Raises:
        ExportError: a field is missing, or one is set that nothing here reads.
    """
    unknown = [k for k, v in part.items() if k not in (*known, "type") and v not in (None, False, 0, "")]
    if unknown:
        raise refusal(f"{where} sets {', '.join(unknown)}")
    missing = [name for name in known if name not in part]
    if missing:
        raise refusal(f"{where} lacks {', '.join(missing)}", "its tokenizer.json is of another version")
    return [part[name] for name in known]
