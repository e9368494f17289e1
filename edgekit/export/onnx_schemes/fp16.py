"""`fp16`: weights and arithmetic in half precision; inputs and outputs stay as they were.

For GPUs and NPUs. On CPUs without fp16 arithmetic ONNX Runtime converts back and forth and is slower.
"""

from __future__ import annotations

from pathlib import Path

from edgekit.export.exportable import artifact
from edgekit.files import atomic
from edgekit.metadata import PRECISION_KEY
from edgekit.quiet import quiet
from edgekit.types import Artifact


def to_fp16(source: Artifact, path: Path) -> Artifact:
    """Writes an fp16 copy of an exported fp32 ONNX file."""
    import onnx

    with quiet():
        from onnxruntime.transformers.float16 import convert_float_to_float16

        model = convert_float_to_float16(onnx.load(source.path), keep_io_types=True)
    for entry in model.metadata_props:
        if entry.key == PRECISION_KEY:
            entry.value = "fp16"
    with atomic(path) as temporary:
        onnx.save(model, temporary)
    return artifact(
        path,
        name=f"{source.name.rsplit('-', 1)[0]}-fp16",
        target=source.target,
        precision="fp16",
        signature=source.signature,
        parameters=source.parameters,
    )
