"""Tokens as bytes, and bytes as text that streams."""

from __future__ import annotations

import codecs
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from edgekit.errors import ExportError

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_CHECKED = 400  # texts of random tokens


class PieceStream:
    """One token after another → text, never half a character and never part of a stop text.

    What is certain is given out at once: bytes that are no UTF-8 are U+FFFD as browsers have it (one for each
    longest beginning of a character), and only bytes wait that may still become a character, and characters
    that may become a stop text.

    Args:
        pieces: bytes of every token id; None: it adds nothing.
        strip: spaces that the text may lose at its beginning.
        stop: texts that end the output; nothing of them is given out.
    """

    def __init__(self, pieces: Sequence[bytes | None], *, strip: int = 0, stop: Sequence[str] = ()) -> None:
        self._pieces, self._strip, self._stop = pieces, strip, tuple(text for text in stop if text)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""  # could be the beginning of a stop text
        self.stopped = False

    def add(self, token: int) -> str:
        """The text that is certain now."""
        piece = (self._pieces[token] if token < len(self._pieces) else None) or b""
        while piece and self._strip:
            stripped = piece.removeprefix(b" ")
            self._strip = self._strip - 1 if len(stripped) < len(piece) else 0
            piece = stripped
        return self._certain(self._decoder.decode(piece))

    def end(self) -> str:
        """What was held back, when no token follows."""
        rest = self._certain(self._decoder.decode(b"", final=True))
        held, self._held = self._held, ""
        return rest if self.stopped else rest + held

    def _certain(self, piece: str) -> str:
        if self.stopped:
            return ""
        text = self._held + piece
        found = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        # The longest end of the text that begins a stop text.
        hold = max(
            (n for stop in self._stop for n in range(len(stop)) if text.endswith(stop[:n])),
            default=0,
        )
        self._held = text[len(text) - hold :]
        return text[: len(text) - hold]


def token_pieces(processor: Any, *, vocabulary: int) -> tuple[tuple[bytes | None, ...], int]:
    """The bytes that every token adds to a text, and how many spaces a text loses at its beginning.

    Args:
        processor: a fast transformers tokenizer.
        vocabulary: logits of the model; ids beyond the tokenizer's add nothing.

    Raises:
        ExportError: what a token adds depends on the tokens around it.
    """
    special = {i for i, token in processor.added_tokens_decoder.items() if token.special}
    known = [i for i in range(vocabulary) if i not in special]
    names = dict(zip(known, processor.convert_ids_to_tokens(known), strict=True))
    to_byte = _byte_level(processor)
    fallback = '"ByteFallback"' in processor.backend_tokenizer.to_str()
    pieces: list[bytes | None] = [None] * vocabulary
    single: dict[int, int] = {}  # byte → its token, where characters that are no tokens are spelt
    anchor = _anchor(processor, known)
    begins = _text(processor, [anchor])
    for token, name in names.items():
        byte = _BYTE.fullmatch(name or "") if fallback else None
        if name is None:
            continue
        if to_byte is not None:
            added = token in processor.added_tokens_decoder or any(c not in to_byte for c in name)
            pieces[token] = name.encode() if added else bytes(to_byte[c] for c in name)
        elif byte is not None:
            pieces[token] = bytes.fromhex(byte[1])
            single[int(byte[1], 16)] = token
        else:
            pieces[token] = _text(processor, [anchor, token]).removeprefix(begins).encode()
    strip = 0 if to_byte is not None else _stripped(processor, known, pieces)
    found = tuple(piece or None for piece in pieces)
    _check(processor, known, found, strip, single)
    return found, strip


def decoded(pieces: Sequence[bytes | None], ids: Sequence[int], *, strip: int = 0) -> str:
    """The text of all tokens."""
    stream = PieceStream(pieces, strip=strip)
    return "".join([*(stream.add(token) for token in ids), stream.end()])


def _text(processor: Any, ids: Sequence[int]) -> str:
    found = processor.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return str(found)


def _byte_level(processor: Any) -> dict[str, int] | None:
    """Character → byte, of a byte-level tokenizer (Radford et al., 2019); None for another."""
    if type(processor.backend_tokenizer.decoder).__name__ != "ByteLevel":
        return None
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {**{chr(b): b for b in shown}, **{chr(256 + i): b for i, b in enumerate(hidden)}}


def _anchor(processor: Any, known: Sequence[int]) -> int:
    """A token whose text stands by itself."""
    for token in known:
        text = _text(processor, [token])
        if text.isascii() and text.isalpha() and _text(processor, [token, token]).startswith(text):
            return token
    raise _refused("no token of it is a letter")


def _stripped(processor: Any, known: Sequence[int], pieces: Sequence[bytes | None]) -> int:
    """0 or 1, whichever tells what tokens are at a text's beginning; `_check` proves it."""
    spaced = [token for token in known if (pieces[token] or b"").startswith(b" ")][:20]
    return int(any(_text(processor, [token]).encode() != pieces[token] for token in spaced))


def _check(
    processor: Any,
    known: Sequence[int],
    pieces: Sequence[bytes | None],
    strip: int,
    single: Mapping[int, int],
) -> None:
    """Compares with the tokenizer's own texts, of random tokens and of characters that are spelt in bytes.

    Spelt bytes that are no character are left out: of them tokenizers write a U+FFFD for each in a row, and
    kits as many as browsers do.
    """
    choose, spelt = random.Random(0), set(single.values())
    whole = [token for token in known if token not in spelt]
    texts = [choose.choices(whole, k=1 + number % 7) for number in range(_CHECKED)]
    texts += [
        [choose.choice(whole), *(single[byte] for byte in character.encode()), choose.choice(whole)]
        for character in "é€🦀"
        if set(character.encode()) <= set(single)
    ]
    for ids in texts:
        theirs, ours = _text(processor, ids), decoded(pieces, ids, strip=strip)
        if theirs != ours:
            raise _refused(f"the tokens {ids} are {theirs!r}, and by their parts {ours!r}")


def _refused(why: str) -> ExportError:
    return ExportError(
        f"The tokens can't go into a kit as bytes: {why}.",
        remedy="Use a model with a byte-level BPE or SentencePiece tokenizer, or call this one from Python.",
    )
