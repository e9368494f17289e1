"""Tokens → text piece by piece, never half a character and never part of a stop text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

UNFINISHED = "\ufffd"  # what a tokenizer puts for bytes that are no whole character yet


class TextStream:
    """Turns one token after another into text; the pieces joined are the text of all tokens.

    A character may be spread over several tokens, and a token's text may depend on the one before it (a
    leading space). So each piece is what a short window of tokens says beyond what its beginning said, and
    it waits while the window ends within a character.

    Args:
        processor: the tokenizer.
        stop: texts that end the output; none of their characters is given out.
    """

    def __init__(self, processor: Any, stop: Sequence[str] = ()) -> None:
        self._processor, self._stop = processor, tuple(text for text in stop if text)
        self._ids: list[int] = []
        self._window, self._told = 0, 0  # indices: where the window begins, and up to where it was told
        self._held = ""  # could be the beginning of a stop text
        self.stopped = False

    def add(self, token: int) -> str:
        """The text that is certain now."""
        self._ids.append(token)
        before, now = self._text(self._window, self._told), self._text(self._window, len(self._ids))
        if len(now) <= len(before) or now.endswith(UNFINISHED):
            return ""
        self._window, self._told = self._told, len(self._ids)
        return self._certain(now[len(before) :])

    def end(self) -> str:
        """What was held back, when no token follows."""
        before, now = self._text(self._window, self._told), self._text(self._window, len(self._ids))
        self._window = self._told = len(self._ids)
        rest = self._certain(now[len(before) :])
        held, self._held = self._held, ""
        return rest if self.stopped else rest + held

    def _text(self, start: int, end: int) -> str:
        return self._processor.decode(
            self._ids[start:end], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )

    def _certain(self, piece: str) -> str:
        if self.stopped:
            return ""
        text = self._held + piece
        found = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        longest = max((len(stop) - 1 for stop in self._stop), default=0)
        hold = next(
            (
                size
                for size in range(min(longest, len(text)), 0, -1)
                if any(stop.startswith(text[-size:]) for stop in self._stop)
            ),
            0,
        )
        self._held = text[len(text) - hold :]
        return text[: len(text) - hold]
