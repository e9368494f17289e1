"""What a stateful model remembers between predictions."""

from __future__ import annotations

import numpy as np
import torch

from edgekit.errors import ModelError
from edgekit.mil.describe import Feature


class State(dict[str, torch.Tensor]):
    """State name → tensor; every prediction that is given it reads and writes it. Zeros at first."""

    def __init__(self, features: dict[str, Feature]) -> None:
        dtypes = {name: _held(feature) for name, feature in features.items()}
        super().__init__({name: torch.zeros(f.shape, dtype=dtypes[name]) for name, f in features.items()})
        self._features = features

    def read(self, name: str) -> np.ndarray:
        """A copy of one state, in its declared type.

        Raises:
            ModelError: the model has no such state.
        """
        return self._known(name).numpy().astype(self._features[name].dtype)

    def write(self, name: str, value: np.ndarray) -> None:
        """Replaces one state.

        Raises:
            ModelError: the model has no such state, or its shape is another.
        """
        held = self._known(name)
        if tuple(np.shape(value)) != tuple(held.shape):
            raise ModelError(
                f"The state {name!r} has shape {list(held.shape)}; {list(np.shape(value))} was written.",
                remedy="Write an array of the state's own shape.",
            )
        # Through the declared type first: a half-precision state can't hold more than half precision.
        declared = np.asarray(value).astype(self._features[name].dtype)
        self[name] = torch.from_numpy(declared).to(held.dtype)

    def _known(self, name: str) -> torch.Tensor:
        if name not in self:
            raise ModelError(
                f"The model has no state {name!r}; it has {', '.join(map(repr, self)) or 'none'}.",
                remedy="Use one of the model's own state names.",
            )
        return self[name]


def _held(feature: Feature) -> torch.dtype:
    return torch.float32 if feature.dtype.startswith("float") else getattr(torch, feature.dtype)
