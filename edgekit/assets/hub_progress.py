"""Draws huggingface_hub's download as one of edgekit's bars."""

from __future__ import annotations

import threading
from typing import Any

from edgekit.progress import Bar


def tqdm_class(bar: Bar | None) -> type:
    """A silent tqdm that forwards bytes to `bar`.

    Versions differ in how many byte bars they keep for one download (received, written to disk); the one
    that is furthest counts. Without a bar, nothing is drawn.
    """
    from tqdm import tqdm

    lock = threading.Lock()
    shown = 0.0

    class Forwarding(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._counts_bytes = kwargs.get("unit") == "B"
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> None:
            nonlocal shown
            with lock:
                self.n += n or 0
                if bar and self._counts_bytes and self.n > shown:
                    bar.advance(self.n - shown)
                    shown = self.n

    return Forwarding
