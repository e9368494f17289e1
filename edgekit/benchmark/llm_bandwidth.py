"""How fast this machine reads memory: what bounds decoding, where each token reads every weight once."""

from __future__ import annotations

import time
from pathlib import Path

_LEAST_BYTES = 256 << 20
_TIMES_CACHE = 8
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class Bandwidth:
    """Reads a buffer much larger than the caches, each thread a part of its own, again and again.

    STREAM (McCalpin, 1995) without its writes, which decoding hardly has. PyTorch's sum keeps several
    streams in flight: on one core it read a sixth more a second than NumPy's maximum or BLAS's dot product.

    Args:
        threads: that read at once.
        size: bytes of the buffer; `buffer_bytes` when None.
    """

    def __init__(self, threads: int, *, size: int | None = None) -> None:
        import torch

        self._threads, self._buffer = threads, torch.ones((size or buffer_bytes()) // 4)
        self.best = 0.0  # bytes per second of the fastest pass so far: a bound is what is possible

    def measure(self, passes: int = 3) -> float:
        """Reads everything so many times.

        Returns:
            `best`, with these passes.
        """
        import torch

        before = torch.get_num_threads()  # the setting is the whole process's
        try:
            torch.set_num_threads(self._threads)
            for _ in range(passes):
                started = time.perf_counter()
                self._buffer.sum()
                seconds = time.perf_counter() - started
                self.best = max(self.best, self._buffer.nbytes / seconds)
        finally:
            torch.set_num_threads(before)
        return self.best


def buffer_bytes() -> int:
    """Eight times the largest cache, 256 MiB at least, an eighth of free memory at most."""
    import psutil

    wanted = max(_LEAST_BYTES, _TIMES_CACHE * largest_cache_bytes())
    return min(wanted, psutil.virtual_memory().available // 8)


def largest_cache_bytes(folder: Path = _CACHES) -> int:
    """The largest cache that the system tells of; 0 where it tells of none."""
    sizes = [p.read_text(encoding="utf-8").strip() for p in folder.glob("index*/size")]
    return max((int(size[:-1]) * _UNITS[size[-1]] for size in sizes if size[-1:] in _UNITS), default=0)
