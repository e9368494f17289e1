"""The random numbers of every kit, so that a seed means the same on all platforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_MASK = (1 << 64) - 1


class KitRandom:
    """SplitMix64 (Steele, Lea and Flood, 2014): `edgekit.runtimes.decoder_sampling.choose` can draw from it.

    Args:
        seed: 0 to 2⁵³ − 1, which every language's numbers hold.
    """

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def random(self) -> float:
        """A number from 0 up to, not including, 1: the upper 53 of the next 64 bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return float((z ^ (z >> 31)) >> 11) / (1 << 53)

    def choice(self, count: int, p: np.ndarray) -> int:
        """The first index at which the running sum of `p` exceeds `random()` times the whole sum."""
        import numpy as np

        sums = np.cumsum(p)
        return int(np.searchsorted(sums, self.random() * sums[-1], side="right"))
