"""Weights in 4 or 8 bits with a scale and a zero point per block of inputs: `w ≈ scale · (code − zero)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

TINY = 1e-12  # a scale is never 0


@dataclass(frozen=True, slots=True)
class Blocks:
    """A matrix `[K, N]` in blocks along K; the last one is filled up with zeros."""

    codes: np.ndarray  # uint8 [B, S, N], 0 … 2^bits − 1
    scales: np.ndarray  # float32 [B, N]
    zeros: np.ndarray  # uint8 [B, N]; 2^(bits−1) throughout when symmetric
    bits: int
    inputs: int  # K
    symmetric: bool

    @property
    def size(self) -> int:
        """S, inputs that share a scale."""
        return int(self.codes.shape[1])

    def dequantized(self) -> np.ndarray:
        """float32 `[K, N]`, as the kernels compute it."""
        import numpy as np

        values = (self.codes.astype(np.float32) - self.zeros[:, None]) * self.scales[:, None]
        return values.reshape(-1, values.shape[-1])[: self.inputs]


def cut(weight: np.ndarray, size: int) -> np.ndarray:
    """float32 `[K, N]` → `[B, S, N]`, zeros after the last input."""
    import numpy as np

    count = -(-weight.shape[0] // size)
    padded = np.zeros((count * size, weight.shape[1]), np.float32)
    padded[: weight.shape[0]] = weight
    return padded.reshape(count, size, -1)


def grid(values: np.ndarray, bits: int, *, symmetric: bool) -> tuple[np.ndarray, np.ndarray]:
    """The scale and zero point with which `bits` bits just cover a block; 0 is always one of its values.

    Args:
        values: `[…, S, N]`.
        symmetric: the zero point is the middle code, and the largest magnitude gets the lowest.

    Returns:
        Scales float32 and zero points float32 (whole numbers), both `[…, N]`.
    """
    import numpy as np

    top, middle = 2**bits - 1, 2 ** (bits - 1)
    low, high = values.min(-2), values.max(-2)
    if symmetric:
        extreme = np.where(-low >= high, low, high)
        scales = -extreme / middle
        scales = np.where(np.abs(scales) < TINY, TINY, scales)
        return scales.astype(np.float32), np.full(scales.shape, middle, np.float32)
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    scales = np.maximum((high - low) / top, TINY).astype(np.float32)
    return scales, np.rint(-low / scales).astype(np.float32)


def encode(values: np.ndarray, scales: np.ndarray, zeros: np.ndarray, bits: int) -> np.ndarray:
    """The nearest codes, float32 of the shape of `values`; scales and zeros broadcast."""
    import numpy as np

    codes = np.rint(values / scales)
    codes += zeros
    return np.clip(codes, 0, 2**bits - 1, out=codes)


def round_to_nearest(weight: np.ndarray, *, bits: int, size: int, symmetric: bool = False) -> Blocks:
    """Every weight to its block's nearest value.

    Args:
        weight: float32 `[K, N]`.
        bits: 4 or 8.
        size: inputs per block.
    """
    values = cut(weight, size)
    scales, zeros = grid(values, bits, symmetric=symmetric)
    return made(values, scales, zeros, bits=bits, inputs=weight.shape[0], symmetric=symmetric)


def made(
    values: np.ndarray, scales: np.ndarray, zeros: np.ndarray, *, bits: int, inputs: int, symmetric: bool
) -> Blocks:
    """Blocks `[B, S, N]` in the codes of these scales and zero points `[B, N]`."""
    import numpy as np

    codes = encode(values, scales[:, None], zeros[:, None], bits).astype(np.uint8)
    return Blocks(codes, scales.astype(np.float32), zeros.astype(np.uint8), bits, inputs, symmetric)


def packed(codes: np.ndarray, bits: int) -> np.ndarray:
    """uint8 codes, two 4-bit ones in a byte along the last axis, the first in the lower half."""
    import numpy as np

    if bits == 8:
        return np.ascontiguousarray(codes)
    if codes.shape[-1] % 2:
        codes = np.concatenate([codes, np.zeros_like(codes[..., :1])], -1)
    return codes[..., 0::2] | (codes[..., 1::2] << 4)
