"""`int8-static` for Core ML (W8A8): activations are quantized before each product in the range that training
learned, on top of int8 weights.

Core ML reads `quantize` and `dequantize` around a product (iOS 17), and hardware with int8 products joins
them with its int8 weight. They are put into the PyTorch module and converted with it; the weights are
compressed afterwards, as in every other scheme.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgekit.export.exportable import Exportable
from edgekit.export.onnx_schemes.int8 import uint8_grid
from edgekit.quiet import quiet

if TYPE_CHECKING:
    from torch import Tensor


def with_quantized_inputs(model: Exportable, ranges: Mapping[str, tuple[float, float]]) -> Exportable:
    """A copy whose linear layers read their inputs from uint8.

    Args:
        ranges: linear layer of the module → smallest and largest value of its input.
    """
    import copy

    module = copy.deepcopy(model.module)
    shared: dict[str, Any] = {}
    for name, span in ranges.items():
        module.get_submodule(name).register_forward_pre_hook(_Quantized(span, shared))
    return replace(model, module=module)


class _Quantized:
    """A forward pre-hook: the input through uint8 and back, once for all layers that read it in one range."""

    def __init__(self, span: tuple[float, float], shared: dict[str, Any]) -> None:
        step, zero = uint8_grid(*span)
        self._grid, self._shared = (float(step), int(zero)), shared

    def __call__(self, _: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        shared = self._shared
        if shared.get("from") is not inputs[0] or shared["grid"] != self._grid:
            shared |= {"from": inputs[0], "grid": self._grid, "to": _through_uint8(inputs[0], *self._grid)}
        return shared["to"], *inputs[1:]


def _through_uint8(x: Tensor, scale: float, zero: int) -> Tensor:
    import torch

    with quiet():
        # Registers the operators that converters know.
        from torch.ao.quantization.fx import _decomposed  # noqa: F401

    known = torch.ops.quantized_decomposed
    codes = known.quantize_per_tensor(x, scale, zero, 0, 255, torch.uint8)
    return known.dequantize_per_tensor(codes, scale, zero, 0, 255, torch.uint8)
