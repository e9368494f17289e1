"""`int8-static` for networks of convolutions, by ONNX Runtime's own quantizer.

A convolution's int8 kernel wants its output quantized as well, and so does whatever stands between two of
them (ReLU6, sums, padding, the mean over an image): else each would leave int8 and come back. ONNX Runtime's
quantizer places these pairs for every operator that it has an int8 kernel of.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.batches import pad_rows
from edgekit.errors import ExportError, first_line
from edgekit.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Collection

    import onnx_ir as ir

    from edgekit.export.onnx_schemes.settings import Settings
    from edgekit.types import Artifact, Rows

MOST_VALUES = 4_000_000  # numbers in all calibration rows; activations take about 40 times the room
_PRODUCTS = ("Conv", "Gemm", "MatMul")
_METHODS = {"minmax": "MinMax", "percentile": "Percentile", "entropy": "Entropy", "mse": "MinMax"}


def has_filters(model: ir.Model, names: Collection[str]) -> bool:
    """Whether one of these constants is a convolution's filter."""
    return any(
        node.op_type == "Conv" and index == 1
        for name in names
        if name in model.graph.initializers
        for node, index in model.graph.initializers[name].uses()
    )


def quantize_convolutions(
    source: Artifact, planned: Collection[str], *, rows: Rows, settings: Settings
) -> ir.Model:
    """A copy of an fp32 file with uint8 activations and int8 weights, a scale per channel (QDQ).

    Args:
        planned: weights to store in int8; nodes of all other weights stay in fp32.
        rows: calibration rows.

    Raises:
        ExportError: no rows, or ONNX Runtime can't quantize the file.
    """
    import onnx_ir as ir
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType
    from onnxruntime.quantization import quantize_static as quantize

    _check_rows(rows, source, settings)

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._left = iter(rows)

        def get_next(self) -> Any:
            row = next(self._left, None)
            return None if row is None else pad_rows([row], source.signature, pad_id=0)

    plain = ir.load(source.path)
    kept = _kept(plain, planned)
    with tempfile.TemporaryDirectory(prefix="edgekit-int8-") as scratch:
        made = Path(scratch) / "model.onnx"
        try:
            with quiet():
                quantize(
                    str(source.path),
                    str(made),
                    Reader(),
                    quant_format=QuantFormat.QDQ,
                    per_channel=True,
                    activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8,
                    calibrate_method=getattr(CalibrationMethod, _METHODS[settings.calibration]),
                    nodes_to_exclude=kept,
                    extra_options={"CalibPercentile": settings.percentile},
                )
        except Exception as error:
            raise ExportError(
                f"{source.path.name} can't be quantized: {first_line(error)}",
                remedy="Leave int8-static out for this model, or report it with this message.",
            ) from error
        model = ir.load(made)
        for value in model.graph.initializers.values():  # their bytes lie in a file that is about to go
            if value.const_value is not None:
                value.const_value = ir.tensor(value.const_value.numpy(), name=value.name)
    model.metadata_props.update(plain.metadata_props)
    left = [name for name in planned if name in model.graph.initializers]
    if left:
        raise ExportError(
            f"{left[0]!r} stayed in fp32 although the plan stores it in int8.",
            remedy="Leave int8-static out for this model, or report it.",
        )
    return model


def _kept(model: ir.Model, planned: Collection[str]) -> list[str]:
    """Names of the nodes that stay in fp32: products of other weights; where such a product is in front of
    all planned ones, as a spectrogram's is, everything in front of them.
    """
    products, front, behind = [], [], set[str]()  # behind: what is computed from a planned weight
    for node in model.graph:
        names = {str(value.name) for value in node.inputs if value is not None}
        stored = not names.isdisjoint(planned)
        if stored or not names.isdisjoint(behind):
            behind.update(str(value.name) for value in node.outputs)
        else:
            front.append(node)
        if node.op_type in _PRODUCTS and not stored:
            products.append(node)
    left = products + front if any(node.op_type in _PRODUCTS for node in front) else products
    return [str(node.name) for node in left]


def _check_rows(rows: Rows, source: Artifact, settings: Settings) -> None:
    if not rows:
        raise ExportError(
            "int8-static needs calibration rows, and there are none.",
            remedy="Give labelled rows of your task.",
        )
    values = len(rows) * math.prod(int(extent) for extent in source.signature.inputs[0].shape[1:])
    if settings.calibration in ("percentile", "entropy") and values > MOST_VALUES:
        raise ExportError(
            f"calibration: {settings.calibration} keeps every activation of {len(rows)} rows in memory.",
            remedy=f"Set calibration: minmax in the export, or {len(rows) * MOST_VALUES // values} "
            "calibration_rows.",
        )
