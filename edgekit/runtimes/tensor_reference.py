"""References for packages of any kind: tensors in the package's order go in, tensors come out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edgekit.errors import ModelError, first_line
from edgekit.runtimes.onnx_session import open_session
from edgekit.runtimes.python_module import outputs_of

if TYPE_CHECKING:
    import numpy as np


class TensorReference(Protocol):
    """Something that computes what a package should."""

    name: str
    module: Any  # the PyTorch module, or None: then its inner tensors can't be looked at

    def run(self, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Its outputs, in order, for the package's inputs."""


def as_tensors(feed: Mapping[str, np.ndarray]) -> list[Any]:
    """A package's inputs as a module takes them: whole numbers as int64, all others as float32."""
    import torch

    return [
        torch.from_numpy(value).long() if value.dtype.kind in "iub" else torch.from_numpy(value).float()
        for value in feed.values()
    ]


class ModuleReference:
    """A PyTorch module that takes the package's inputs by position."""

    def __init__(self, module: Any, *, name: str) -> None:
        self.module, self.name = module, name

    def run(self, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """See `TensorReference.run`."""
        return outputs_of(self.module, as_tensors(feed))


class OnnxReference:
    """Any ONNX file; its inputs are the package's by name, or else by order."""

    module = None

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self._session, _ = open_session(path, threads=threads)
        self.name = path.name

    def run(self, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """See `TensorReference.run`."""
        import numpy as np

        wanted = self._session.get_inputs()
        names = [i.name for i in wanted]
        if len(names) != len(feed):
            raise ModelError(
                f"{self.name} takes {len(names)} inputs ({', '.join(names)}), the package {len(feed)} "
                f"({', '.join(feed)}).",
                remedy="Compare a package with a file of the same interface.",
            )
        values = [feed[n] for n in names] if set(names) == set(feed) else list(feed.values())
        dtypes = {"tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(float16)": "float16"}
        given = {
            i.name: np.asarray(value, dtype=dtypes.get(i.type, "float32"))
            for i, value in zip(wanted, values, strict=True)
        }
        try:
            found = self._session.run(None, given)
        except Exception as error:
            raise ModelError(
                f"{self.name} fails on the package's inputs: {first_line(error)}",
                remedy="It must take the package's inputs: the same shapes, in the package's order.",
            ) from error
        return [np.asarray(value) for value in found]
