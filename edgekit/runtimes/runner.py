"""The one protocol that verify and benchmark know: something that turns a batch into named arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Batch, Signature


@runtime_checkable
class Runner(Protocol):
    """A loaded model, ready to run."""

    name: str  # what executes it: "onnxruntime 1.31.1 (CPU, 1 thread)"
    signature: Signature

    def run(self, batch: Batch) -> dict[str, np.ndarray]:
        """Runs one batch.

        Args:
            batch: input name → integer array `[B, L]`, padded, where `attention_mask` marks real tokens; or
                pixels, float32 `[B, 3, H, W]`.

        Returns:
            Output name → float32 array, `[B, …]`.
        """
