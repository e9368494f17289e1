"""ONNX Runtime on the CPU: what phones, browsers and servers execute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import MissingExtra, ModelError, first_line
from edgekit.metadata import read_signature

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Batch


class OnnxRunner:
    """Runs an `.onnx` file with ONNX Runtime's CPU provider."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        try:
            import onnxruntime as ort
        except ImportError as error:
            raise MissingExtra("onnxruntime", extra="onnx", needed_for=f"Running {path.name}") from error
        if not path.is_file():
            raise ModelError(f"{path} does not exist.", remedy="Check the path, or export the model first.")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if threads > 1:
            # Spinning workers would take cores from whatever else is measured or running beside this.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelError(
                f"{path} is not a readable ONNX model: {first_line(error)}",
                remedy="Export it again; the file may be truncated.",
            ) from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.signature = read_signature(metadata, path=path)
        self.name = f"onnxruntime {ort.__version__} (CPU, {threads} thread{'s' if threads > 1 else ''})"
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
