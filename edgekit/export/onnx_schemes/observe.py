"""What flows through a file: chosen tensors over calibration rows, handed to whoever measures them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edgekit import progress
from edgekit.batches import pad_rows
from edgekit.export.onnx_schemes.graph import Graph
from edgekit.types import Rows, Signature

if TYPE_CHECKING:
    import numpy as np


class Observer(Protocol):
    """Measures one tensor."""

    def add(self, values: np.ndarray) -> None:
        """Takes the tensor's values for one row, `[T, K]` float32, T tokens without padding."""


def observe(
    path: Path, observers: Mapping[str, Sequence[Observer]], rows: Rows, signature: Signature
) -> None:
    """Runs every row by itself and shows each tensor named in `observers` to its observers."""
    import onnx_ir as ir

    graph = Graph.open(path)
    outputs = {value.name: value for node in graph.model.graph for value in node.outputs}
    shown = {value.name for value in graph.model.graph.outputs}
    for name in observers:
        if name not in shown:
            outputs[name].type = outputs[name].type or ir.TensorType(ir.DataType.FLOAT)
            graph.model.graph.outputs.append(outputs[name])
    session = open_session(graph.model)
    names = list(observers)
    with progress.bar("Calibrating", len(rows), "rows") as bar:
        for row in rows:
            found = session.run(names, pad_rows([row], signature, pad_id=0))
            for name, values in zip(names, found, strict=True):
                for observer in observers[name]:
                    observer.add(values.reshape(-1, values.shape[-1]))
            bar.advance()


def open_session(model: Any) -> Any:
    """An onnx-ir model in ONNX Runtime, on one CPU thread."""
    import onnx_ir as ir
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(
        ir.to_proto(model).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
