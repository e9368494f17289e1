"""`int4-gptq`: each rounding error is made up for by the weights not yet rounded (Frantar et al., 2022).

What counts is the error of the layer's output, ‖X(W − Ŵ)‖², a quadratic form of the Hessian H = XᵀX over
calibration rows. Inputs are rounded one after another, and each one's error is spread over those that follow,
as the Cholesky factor of H⁻¹ says. Inputs keep their order: an order of their own would need an index table,
which ONNX Runtime reads slowly. X is that of the fp32 file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgekit.export.onnx_schemes.blocks import Blocks, cut, encode, grid, made

if TYPE_CHECKING:
    import numpy as np

TOKENS = 1024  # that are multiplied at once
DAMPING = 0.01  # of the Hessian's mean diagonal, added to it


class Hessian:
    """XᵀX of a tensor over rows."""

    def __init__(self) -> None:
        self._sum: Any = 0.0
        self._waiting: list[np.ndarray] = []

    def add(self, values: np.ndarray) -> None:
        """Takes `[T, K]`."""
        self._waiting.append(values)
        if sum(len(one) for one in self._waiting) >= TOKENS:
            self._sum = self.value
            self._waiting = []

    @property
    def value(self) -> np.ndarray:
        """float64 `[K, K]`: products in float32, and their sums over many tokens in float64."""
        import numpy as np

        if not self._waiting:
            return self._sum
        values = np.concatenate(self._waiting)
        return self._sum + (values.T @ values).astype(np.float64)


def error_feedback(
    weight: np.ndarray, hessian: np.ndarray, *, bits: int, size: int, symmetric: bool = False
) -> Blocks:
    """As `round_to_nearest`, each error made up for by the inputs after it.

    Args:
        weight: float32 `[K, N]`.
        hessian: `[K, K]`, XᵀX of the layer's inputs.
    """
    import numpy as np

    hessian = hessian.copy()
    silent = np.diag(hessian) == 0  # inputs that never speak: their weights matter to nobody
    hessian[silent, silent] = 1
    hessian[np.diag_indices_from(hessian)] += DAMPING * np.diag(hessian).mean()
    factor = np.linalg.cholesky(np.linalg.inv(hessian)).T.astype(np.float32)  # upper: H⁻¹ = factorᵀ · factor
    left = np.where(silent[:, None], 0, weight).astype(np.float32)
    rounded = np.empty_like(left)
    scales, zeros = [], []
    for start in range(0, len(left), size):
        rows = slice(start, min(start + size, len(left)))
        scale, zero = (found[0] for found in grid(cut(left[rows], size), bits, symmetric=symmetric))
        errors = np.empty_like(left[rows])
        for row in range(rows.start, rows.stop):
            codes = encode(left[row], scale, zero, bits)
            rounded[row] = (codes - zero) * scale
            error = (left[row] - rounded[row]) / factor[row, row]
            left[row + 1 : rows.stop] -= factor[row, row + 1 : rows.stop, None] * error
            errors[row - start] = error
        left[rows.stop :] -= factor[rows, rows.stop :].T @ errors
        scales.append(scale)
        zeros.append(zero)
    # Values that lie on the grid: encoding them again finds the same codes.
    return made(
        cut(rounded, size),
        np.stack(scales),
        np.stack(zeros),
        bits=bits,
        inputs=len(weight),
        symmetric=symmetric,
    )
