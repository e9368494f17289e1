"""`int4-hqq`: scales from half-quadratic splitting (Badri & Shaji, 2023), which needs no data.

Weights have outliers, so the error is measured in the norm of p = 0.7, which lets a few of them be wrong. The
problem min ‖w − ŵ‖ₚ is split in two that have closed forms: the outliers e shrink from the residual, then the
grid is fitted to w − e. The paper fits the zero point and keeps it a fraction. ONNX Runtime reads fractional
zero points through a path that is five times as slow, and rounding them loses all that was won, so here the
scale is fitted and the zero point stays whole. Of all steps a block keeps the one of least squared error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.export.onnx_schemes.blocks import TINY, Blocks, cut, encode, grid, made

if TYPE_CHECKING:
    import numpy as np

STEPS = 20
NORM = 0.7  # p
PULL = 10.0  # β, in units of a block's scale
PULL_GROWTH = 1.01
CHUNK = 4096  # outputs at a time, so that a large table needs no multiple of itself


def half_quadratic(weight: np.ndarray, *, bits: int, size: int, symmetric: bool = False) -> Blocks:
    """As `round_to_nearest`, with the scale and zero point of each block fitted to its weights."""
    import numpy as np

    found = [
        _fitted(cut(weight[:, start : start + CHUNK], size), bits, symmetric=symmetric)
        for start in range(0, weight.shape[1], CHUNK)
    ]
    scales, zeros = (np.concatenate(parts, -1) for parts in zip(*found, strict=True))
    return made(cut(weight, size), scales, zeros, bits=bits, inputs=weight.shape[0], symmetric=symmetric)


def _fitted(values: np.ndarray, bits: int, *, symmetric: bool) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    scales, zeros = grid(values, bits, symmetric=symmetric)
    best, least, pull = (scales, zeros), np.full(scales.shape, np.inf, np.float32), PULL
    for _ in range(STEPS):
        codes = encode(values, scales[:, None], zeros[:, None], bits)
        steps = codes - zeros[:, None]
        residual = values - steps * scales[:, None]
        error = np.square(residual).sum(1)
        better = error < least
        least = np.where(better, error, least)
        best = np.where(better, scales, best[0]), np.where(better, zeros, best[1])
        fitted = values - _outliers(residual / scales[:, None], pull) * scales[:, None]
        norm = np.square(steps).sum(1)
        scales = np.where(norm > 0, (fitted * steps).sum(1) / np.maximum(norm, 1), scales)
        scales = np.where(np.abs(scales) < TINY, TINY, scales).astype(np.float32)
        if not symmetric:
            zeros = np.clip(np.rint((codes - fitted / scales[:, None]).mean(1)), 0, 2**bits - 1)
        pull *= PULL_GROWTH
    return best


def _outliers(residual: np.ndarray, pull: float) -> np.ndarray:
    """The generalised soft threshold: what the p-norm leaves of a residual, in units of the scale."""
    import numpy as np

    size = np.abs(residual)
    return np.sign(residual) * np.maximum(size - np.power(size + 1e-8, NORM - 1) / pull, 0)
