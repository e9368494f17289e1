"""Keys and values in fewer bits, as ONNX Runtime's GroupQueryAttention has kernels for on a CPU.

fp16: the attention alone computes in half precision, since a kernel's caches are of the type that it computes
in. int8: a scale for all keys of a layer and one for its values; what lies beyond the largest that was met is
cut off, which cost less than a coarser scale. A scale for each channel lost more on SmolLM2-135M: the few
channels whose range was met too small then spoil a text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

CACHE_TYPES = {"fp32": "FLOAT", "fp16": "FLOAT16", "int8": "INT8"}  # ONNX's names
ROWS, LENGTH = 4, 256  # tokens that ranges are measured on: drawn from the whole vocabulary, no texts needed
TOP = 127  # largest code


def cache_scales(decoder: Any) -> dict[str, np.ndarray]:
    """A scale for each layer's keys and values, from what the decoder stores of random tokens.

    Args:
        decoder: export-ready; its caches are empty afterwards.

    Returns:
        "key" and "value" → float32 `[layers]`.
    """
    import torch

    length = min(LENGTH, decoder.context)
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    mask = torch.zeros(1, 1, length, length).masked_fill(later, -3e4)
    random = torch.Generator().manual_seed(0)
    caches = {"key": decoder.keyCache, "value": decoder.valueCache}
    largest = {kind: torch.zeros(len(cache)) for kind, cache in caches.items()}
    with torch.inference_mode():
        for _ in range(ROWS):
            ids = torch.randint(0, decoder.config.vocabulary, (1, length), generator=random)
            decoder(ids, mask)
            for kind, cache in caches.items():
                largest[kind] = torch.maximum(largest[kind], cache[..., :length, :].abs().amax((1, 2, 3, 4)))
    decoder.forget()
    return {kind: (most / TOP).clamp(min=1e-8).numpy() for kind, most in largest.items()}
