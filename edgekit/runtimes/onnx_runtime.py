"""ONNX Runtime on the CPU: what phones, browsers and servers execute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.metadata import read_signature
from edgekit.runtimes.onnx_session import open_session

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Batch


class OnnxRunner:
    """Runs an `.onnx` file with ONNX Runtime's CPU provider."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self._session, self.name = open_session(path, threads=threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.signature = read_signature(metadata, path=path)
        self._inputs = [(i.name, _DTYPES[i.type]) for i in self._session.get_inputs()]
        self._outputs = [o.name for o in self._session.get_outputs()]

    def run(self, batch: Batch) -> dict[str, np.ndarray]:
        """See `Runner.run`."""
        import numpy as np

        feed = {name: np.asarray(batch[name], dtype=dtype) for name, dtype in self._inputs}
        values: list[Any] = self._session.run(self._outputs, feed)
        return dict(zip(self._outputs, values, strict=True))


_DTYPES = {
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
}
