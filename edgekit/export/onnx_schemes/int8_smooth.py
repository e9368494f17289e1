"""`int8-smooth`: outliers of activations move into the weights before int8 (SmoothQuant, Xiao et al., 2023).

Some inputs of a product are larger than others by orders of magnitude, and one scale for all of them leaves
the small ones no values. Input j is divided by sⱼ = max|xⱼ|^α / max|wⱼ|^(1−α) and row j of the weight is
multiplied by it: the product is the same, and α says how much of the difficulty the weight takes over.

Inputs that come from a normalisation are smoothed, as in the paper. Its own scale and shift are divided where
nothing else reads its output; where a residual connection does (every post-norm encoder), a Mul stands before
the products.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from edgekit.export.onnx_schemes.blocks import TINY
from edgekit.export.onnx_schemes.graph import is_turned

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir

    from edgekit.export.onnx_schemes.graph import Graph, Product

# Operator → where its scale and shift stand among the inputs.
NORMS = {
    "LayerNormalization": (1, 2),
    "SimplifiedLayerNormalization": (1,),
    "RMSNormalization": (1,),
    "SkipLayerNormalization": (2, 3),
    "SkipSimplifiedLayerNormalization": (2,),
    "EmbedLayerNormalization": (5, 6),
}


class Largest:
    """max|xⱼ| of a tensor over rows, `[K]`."""

    def __init__(self) -> None:
        self.value: np.ndarray | None = None

    def add(self, values: np.ndarray) -> None:
        """Takes `[T, K]`."""
        import numpy as np

        largest = np.abs(values).max(0)
        self.value = largest if self.value is None else np.maximum(self.value, largest)


def smoothable(product: Product) -> bool:
    """Whether a product's input comes from a normalisation."""
    maker = product.input.producer()
    return maker is not None and maker.op_type in NORMS


def smooth(graph: Graph, names: Iterable[str], largest: Mapping[str, np.ndarray], *, alpha: float) -> None:
    """Migrates the ranges of every smoothable input of the weights `names`; the model computes the same.

    Args:
        largest: tensor → max|xⱼ|, `[K]`.
        alpha: 0 leaves all difficulty with the activations, 1 gives all of it to the weights.
    """
    import numpy as np

    by_input: dict[str, list[Product]] = {}
    for name in names:
        for product in graph.products(name):
            if smoothable(product):
                by_input.setdefault(str(product.input.name), []).append(product)
    for tensor, products in by_input.items():
        strongest = np.max([np.abs(p.weight).max(1) for p in products], axis=0)
        scales = np.maximum(largest[tensor], TINY) ** alpha / np.maximum(strongest, TINY) ** (1 - alpha)
        # An input that never speaks, or that no weight listens to, stays as it is.
        scales = np.where((largest[tensor] > TINY) & (strongest > TINY), scales, 1).astype(np.float32)
        _divide(graph, products, scales)
        for product in products:
            scaled = product.weight * scales[:, None]
            graph.set_array(product.name, scaled.T if is_turned(product.node) else scaled)


def _divide(graph: Graph, products: list[Product], scales: np.ndarray) -> None:
    """Divides the products' common input by `scales`."""
    tensor = products[0].input
    maker = tensor.producer()
    assert maker is not None
    parts: list[ir.Value] = [
        v for i in NORMS[maker.op_type] if i < len(maker.inputs) and (v := maker.inputs[i])
    ]
    own = all(part.name and graph.has(part.name) and len(part.uses()) == 1 for part in parts)
    readers = {id(node) for node, _ in tensor.uses()}
    if own and not tensor.is_graph_output() and readers == {id(p.node) for p in products}:
        for part in parts:
            graph.set_array(str(part.name), graph.array(str(part.name)) / scales)
        return
    (divided,) = graph.add("Mul", [tensor, graph.constant(f"{tensor.name}.smoothing", 1 / scales)])
    divided.name = f"{tensor.name}.smooth"
    divided.type, divided.shape = tensor.type, tensor.shape
    for product in products:
        product.node.replace_input_with(0, divided)
