"""ONNX in fewer bits as stages: plan, calibrate, measure what each weight can bear, carry it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.codec import from_json, to_json
from edgekit.files import sha256_json
from edgekit.recipe.schema import Export
from edgekit.types import Artifact, LayerPrecision, Quantized, Rows

if TYPE_CHECKING:
    from edgekit.export.onnx_schemes.settings import Settings
    from edgekit.quantize.onnx import OnnxWeight
    from edgekit.stages.artifacts import Workbench
    from edgekit.stages.compressing import Measured

PLAIN = "fp32"
MOST_VALUES = 50_000_000  # outputs kept for comparison; of a masked-lm a row alone has millions


def quantize(
    bench: Workbench, export: Export, source: Artifact, precision: str, path: Path
) -> tuple[Quantized, Artifact]:
    """A compressed copy of an fp32 ONNX file, with its plan, which carries the time and memory that it took.

    Args:
        source: the plain file, or the one of ONNX Runtime's operators.

    Raises:
        ExportError: a weight can't be stored so, or no mix fits `export.mixed`.
    """
    from edgekit.quantize.onnx import read_weights
    from edgekit.recipe.schema.precisions import ONNX_SCHEMES
    from edgekit.stages.compressing import calibration_rows, effects, in_a_process

    weights = read_weights(source.path)
    mixed = precision == "mixed"
    plan, measured = (
        _mixed(bench, export, source, weights) if mixed else (_plan(bench, export, weights, precision), {})
    )
    settings = _settings(export)
    rows = calibration_rows(bench, export.calibration_rows) if ONNX_SCHEMES[precision].calibrated else []
    spans = _spans(bench, source) if ONNX_SCHEMES[precision].matrix == "int8-static" else {}
    name = f"{bench.name}-{export.target}-{precision}"
    result = bench.store.run(
        f"export-{name}",
        inputs={
            "source": source.sha256,
            "plan": plan,
            "settings": settings,
            "rows": sha256_json(to_json(rows)),
            **({"spans": spans} if spans else {}),
        },
        outputs=[path],
        make=lambda key: in_a_process(source, plan, path, rows=rows, settings=settings, spans=spans),
        title=f"Quantize {name}",
    )
    artifact = from_json(Artifact, {**result["artifact"], "path": path, "name": name})
    spent = {"seconds": result["seconds"], "peak_bytes": result["peak_bytes"]}
    return replace(plan, **spent, measured=effects(measured)), artifact


def _spans(bench: Workbench, source: Artifact) -> dict[str, tuple[float, float]]:
    """Tensor → the range that training learned for it; what is not among them is calibrated."""
    from edgekit.export.onnx_schemes.learned import place_ranges
    from edgekit.stages.learned import learned_inputs

    learned = learned_inputs(bench)
    if not learned:
        return {}
    progress.say(f"{bench.name}: int8-static takes {len(learned)} ranges that training learned")
    weights = {name: bench.exportable.module.get_parameter(f"{name}.weight") for name in learned}
    arrays = {name: weight.detach().numpy() for name, weight in weights.items()}
    return place_ranges(source.path, learned, arrays)


def _settings(export: Export) -> Settings:
    from edgekit.export.onnx_schemes.settings import Settings

    return Settings(
        calibration=export.calibration,
        percentile=export.percentile,
        smoothing=export.smoothing,
        symmetric=export.symmetric,
        accuracy_level=export.accuracy_level,
    )


def _plan(bench: Workbench, export: Export, weights: Sequence[OnnxWeight], scheme: str) -> Quantized:
    from edgekit.quantize.onnx import plan_onnx

    return plan_onnx(
        weights,
        name=bench.name,
        target=export.target,
        scheme=scheme,
        block_size=export.block_size,
        reduce_range=sums_saturate() if export.reduce_range is None else export.reduce_range,
    )


def sums_saturate() -> bool:
    """Whether this CPU adds pairs of 8-bit products in 16 bits: x86 without VNNI."""
    from edgekit.benchmark.cpu import read_cpu

    features = set(read_cpu().features)
    return "avx2" in features and not features & {"avx_vnni", "avx512_vnni"}


def _mixed(
    bench: Workbench, export: Export, source: Artifact, weights: Sequence[OnnxWeight]
) -> tuple[Quantized, Measured]:
    """The plan that meets the budget with the least loss, and what it rests on."""
    from edgekit.quantize.onnx import PLAIN_BITS
    from edgekit.recipe.schema.precisions import onnx_mixable
    from edgekit.stages.compressing import calibration_rows, mix

    plans = {scheme: _plan(bench, export, weights, scheme) for scheme in onnx_mixable(export.target)}
    rows = calibration_rows(bench, export.mixed.rows)
    settings = _settings(export)
    measured = bench.store.run(
        f"sensitivity-{bench.name}-{export.target}",
        inputs={
            "source": source.sha256,
            "plans": plans,
            "rows": sha256_json(to_json(rows)),
            "settings": settings,
        },
        make=lambda key: _measure(bench, source, plans, rows, settings, key),
        title=f"Sensitivity of {bench.name}",
    )
    sizes = {weight.name: weight.count for weight in weights}
    return mix(export, source, plans, measured, sizes, PLAIN, PLAIN_BITS, rows=len(rows)), measured


def _measure(
    bench: Workbench,
    source: Artifact,
    plans: Mapping[str, Quantized],
    rows: Rows,
    settings: Settings,
    key: str,
) -> dict[str, dict[str, tuple[int, float]]]:
    """Scheme → weight → its bytes, and how far it alone moves the outputs when stored so.

    Each weight is stored in the file by itself and the file is run, so that what its kernel does to
    activations counts as well.
    """
    from edgekit.export.onnx_schemes.carry_out import stored
    from edgekit.export.onnx_schemes.graph import Graph
    from edgekit.quantize.sensitivity import distance
    from edgekit.stages.compressing import kept_losses

    plain = Graph.open(source.path).model
    known = set(plain.graph.initializers)
    task = source.signature.task
    reference = _outputs(plain, source, rows)

    def losses(layers: Sequence[LayerPrecision]) -> Iterator[tuple[str, int, float]]:
        for layer in layers:
            model = stored(source, [layer], settings=settings).model
            added = [v.const_value for n, v in model.graph.initializers.items() if n not in known]
            size = sum(tensor.nbytes for tensor in added if tensor is not None)
            yield layer.name, size, distance(task, reference, _outputs(model, source, rows))

    return kept_losses(bench, plans, losses, key)


def _outputs(model: Any, source: Artifact, rows: Rows) -> Any:
    """`[N, C]`, one row's answers after another's, as a tensor."""
    import torch

    from edgekit.batches import pad_rows
    from edgekit.export.onnx_schemes.observe import open_session

    session, output = open_session(model), source.signature.outputs[0].name
    found: list[Any] = []
    kept = 0
    for row in rows:
        (values,) = session.run([output], pad_rows([row], source.signature, pad_id=0))
        found.append(torch.from_numpy(values.reshape(-1, values.shape[-1])))
        kept += values.size
        if kept > MOST_VALUES:
            break
    return torch.cat(found)
