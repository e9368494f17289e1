"""An exported decoder's stored weights beside those of its model, and what its caches are stored in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgekit.decoder_parity import StoredParity
from edgekit.types import Artifact

if TYPE_CHECKING:
    import numpy as np

    from edgekit.models.decoders.load import LoadedModel

STORED = ("onnxruntime", "coreml")  # whose files can be read weight by weight; an asset has no names
CACHES = {"float32": "fp32", "float16": "fp16", "int8": "int8"}
FITTED = "hqq"  # in the name of a precision whose scales are fitted


def stored_weights(artifact: Artifact, loaded: LoadedModel) -> tuple[StoredParity, tuple[str, ...]]:
    """Every weight that the file stores and the model has, compared number by number.

    Args:
        artifact: an ONNX folder or a package.
        loaded: the model that it was exported from.

    Raises:
        ModelError: the file can't be read.
    """
    from edgekit.models.decoders.build import build
    from edgekit.runtimes.stored_weights import read_stored
    from edgekit.verify.decoder_weights import compare_weights

    twin = build(loaded.model.config, loaded.model.state_dict(), 2)
    weights: Mapping[str, Any] = twin.state_dict()
    in_package = {name.lower().replace(".", "_"): value for name, value in weights.items()}

    def original(name: str) -> np.ndarray | None:
        import torch

        if artifact.target == "coreml" or "." not in name:
            value = in_package.get(name)
        else:
            *outer, joined, kind = name.split(".")
            parts = [weights.get(".".join((*outer, part, kind))) for part in joined.split("+")]
            found = [part for part in parts if part is not None]
            value = None if len(found) < len(parts) else found[0] if len(found) == 1 else torch.cat(found)
        return None if value is None else value.numpy()

    path = artifact.path if artifact.target == "coreml" else artifact.path / "model.onnx"
    return compare_weights(read_stored(path), original, fitted=FITTED in artifact.precision)


def cache_kind(artifact: Artifact) -> str:
    """What an ONNX folder's keys and values are stored in; of a package that is part of its precision."""
    kinds = {spec.dtype for spec in artifact.signature.inputs if spec.name.startswith("past_key_values.")}
    return CACHES.get(next(iter(kinds), "float32"), "fp32")
