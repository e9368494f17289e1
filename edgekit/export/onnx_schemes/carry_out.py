"""Carries out a precision plan on an ONNX file, weight by weight; all of it, or it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.codec import dumps
from edgekit.errors import ExportError
from edgekit.export.exportable import artifact
from edgekit.export.onnx_schemes import int8, int8_static, weight_only
from edgekit.export.onnx_schemes.blocks import round_to_nearest
from edgekit.export.onnx_schemes.convolutions import has_filters, quantize_convolutions
from edgekit.export.onnx_schemes.gptq import Hessian, error_feedback
from edgekit.export.onnx_schemes.graph import MICROSOFT, Graph
from edgekit.export.onnx_schemes.hqq import half_quadratic
from edgekit.export.onnx_schemes.int8_smooth import Largest, smooth, smoothable
from edgekit.export.onnx_schemes.observe import Observer, observe
from edgekit.export.onnx_schemes.ranges import Learned, Range
from edgekit.export.onnx_schemes.settings import Settings
from edgekit.files import atomic
from edgekit.metadata import PRECISION_KEY
from edgekit.types import Artifact, LayerPrecision, Quantized, Rows

if TYPE_CHECKING:
    import onnx_ir as ir

    from edgekit.export.onnx_schemes.graph import Product

PLAN_KEY = "edgekit.plan"
Spans = Mapping[str, tuple[float, float]]  # tensor → its range
Seen = Mapping[tuple[str, str], Any]  # tensor and scheme → what calibration showed
DEFAULT = Settings()


def quantize_onnx(
    source: Artifact,
    plan: Quantized,
    path: Path,
    *,
    rows: Rows = (),
    settings: Settings = DEFAULT,
    spans: Spans | None = None,
) -> Artifact:
    """Writes a copy of an fp32 ONNX file in which each weight is stored as its plan says.

    Args:
        plan: weights with a scheme are stored so, all others stay fp32.
        rows: calibration rows; `int8-static`, `int8-smooth` and `int4-gptq` need some.
        spans: ranges of products' inputs that are known already (`learned.place_ranges`); only the others are
            calibrated.

    Raises:
        ExportError: a planned weight is not in the file, or stayed as it was; no rows to calibrate on.
    """
    layers = [layer for layer in plan.layers if layer.scheme]
    planned = {layer.name for layer in layers}
    graph = Graph.open(source.path)
    if has_filters(graph.model, planned):
        graph = Graph(quantize_convolutions(source, planned, rows=rows, settings=settings))
    else:
        graph = stored(source, layers, rows=rows, settings=settings, spans=spans)
    graph.model.metadata_props.update({PRECISION_KEY: plan.scheme, PLAN_KEY: dumps(layers)})
    with atomic(path) as temporary:
        import onnx_ir as ir

        ir.save(graph.model, temporary)
    return artifact(
        path,
        name=f"{source.name.rsplit('-', 1)[0]}-{plan.scheme}",
        target=source.target,
        precision=plan.scheme,
        signature=source.signature,
        parameters=source.parameters,
    )


def stored(
    source: Artifact,
    layers: Sequence[LayerPrecision],
    *,
    rows: Rows = (),
    settings: Settings = DEFAULT,
    spans: Spans | None = None,
) -> Graph:
    """The graph of `source` with these weights in their schemes; as `quantize_onnx`, without writing it."""
    graph = Graph.open(source.path)
    for layer in layers:
        if not graph.has(layer.name):
            raise ExportError(
                f"{source.path.name} has no weight named {layer.name!r}, which the plan quantizes.",
                remedy="Make the plan from the same model that was exported, and export again.",
            )
    seen = _seen(graph, source, layers, rows, settings, spans or {})
    largest = {tensor: found.value for (tensor, scheme), found in seen.items() if scheme == "int8-smooth"}
    smooth(graph, [la.name for la in layers if la.scheme == "int8-smooth"], largest, alpha=settings.smoothing)
    for layer in layers:
        for product in graph.products(layer.name) if layer.scheme in MATRICES else ():
            MATRICES[layer.scheme](graph, product, layer, settings, seen)
        for node in graph.lookups(layer.name) if layer.scheme in TABLES else ():
            TABLES[layer.scheme](graph, node, layer, settings)
    graph.finish()
    for layer in layers:
        if graph.has(layer.name):
            raise ExportError(
                f"{layer.name!r} stayed in fp32 although the plan stores it as {layer.scheme}, which has "
                "no form for an operation that reads it.",
                remedy="Leave it out of the plan, or report this model.",
            )
    return graph


def _seen(
    graph: Graph,
    source: Artifact,
    layers: Sequence[LayerPrecision],
    rows: Rows,
    settings: Settings,
    spans: Spans,
) -> Seen:
    """Runs the fp32 file over `rows`, once, for everything that the schemes want to know."""
    makers: dict[str, Callable[[], Any]] = {
        "int8-static": lambda: Range(settings),
        "int8-smooth": Largest,
        "int4-gptq": Hessian,
    }
    found: dict[tuple[str, str], Any] = {
        (tensor, "int8-static"): Learned(span) for tensor, span in spans.items()
    }
    observers: dict[str, list[Observer]] = {}
    for layer in layers:
        if layer.scheme not in makers:
            continue
        for product in graph.products(layer.name):
            tensor = str(product.input.name)
            smoothed = layer.scheme != "int8-smooth" or smoothable(product)
            if (tensor, layer.scheme) not in found and smoothed:
                observer = makers[layer.scheme]()
                found[tensor, layer.scheme] = observer
                observers.setdefault(tensor, []).append(observer)
    if observers and not rows:
        scheme = next(layer.scheme for layer in layers if layer.scheme in makers)
        raise ExportError(
            f"{scheme} needs calibration rows, and there are none.",
            remedy="Give labelled or unlabelled texts of your task.",
        )
    if observers:
        observe(source.path, observers, rows, source.signature)
    return found


def _dynamic(graph: Graph, product: Product, layer: LayerPrecision, settings: Settings, seen: Seen) -> None:
    int8.multiply(graph, product, bits=layer.bits)


def _static(graph: Graph, product: Product, layer: LayerPrecision, settings: Settings, seen: Seen) -> None:
    int8_static.multiply(
        graph,
        product,
        seen[str(product.input.name), layer.scheme].span,
        bits=layer.bits,
        portable=MICROSOFT not in graph.model.opset_imports,
    )


def _blocks(graph: Graph, product: Product, layer: LayerPrecision, settings: Settings, seen: Seen) -> None:
    shape: dict[str, Any] = {"bits": layer.bits, "size": layer.group_size, "symmetric": settings.symmetric}
    if layer.scheme == "int4-gptq":
        blocks = error_feedback(product.weight, seen[str(product.input.name), layer.scheme].value, **shape)
    else:
        blocks = _rounded(layer)(product.weight, **shape)
    weight_only.multiply(graph, product, blocks, accuracy_level=settings.accuracy_level)


def _rows_of_one_scale(graph: Graph, node: ir.Node, layer: LayerPrecision, settings: Settings) -> None:
    int8.look_up(graph, node, layer.name)


def _rows_in_blocks(graph: Graph, node: ir.Node, layer: LayerPrecision, settings: Settings) -> None:
    blocks = _rounded(layer)(
        graph.array(layer.name).T, bits=layer.bits, size=layer.group_size, symmetric=settings.symmetric
    )
    weight_only.look_up(graph, node, layer.name, blocks)


def _rounded(layer: LayerPrecision) -> Any:
    return half_quadratic if layer.scheme == "int4-hqq" else round_to_nearest


# A layer's scheme → how a product by it, or a look-up in it, is rewritten. A precision is a plan of these.
MATRICES = {
    "int8": _dynamic,
    "int8-smooth": _dynamic,
    "int8-static": _static,
    "int8-weights": _blocks,
    "int4": _blocks,
    "int4-hqq": _blocks,
    "int4-gptq": _blocks,
}
TABLES = {
    "int8": _rows_of_one_scale,
    "int8-weights": _rows_in_blocks,
    "int4": _rows_in_blocks,
    "int4-hqq": _rows_in_blocks,
}
