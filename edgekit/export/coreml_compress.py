"""Weight compression for Core ML, weight by weight as a plan says; arithmetic stays what it was.

Traps of coremltools 9.0 that are avoided here:

- A constant folded from several tables (position + token types) would get one scale for all of it, so only
  weights that the plan names are touched.
- `enable_per_channel_scale` leaves weights normalised when a group size doesn't divide: never used.
- Magnitude pruning takes its threshold with NumPy in half precision, which overflows to NaN above 65,504
  weights, and then nothing is pruned: the threshold is worked out here, in single precision.
- What it can't compress it skips with a warning: every planned weight is looked for afterwards.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.codec import dumps
from edgekit.errors import ExportError
from edgekit.export.coreml_convert import save_package
from edgekit.export.exportable import artifact
from edgekit.metadata import PRECISION_KEY
from edgekit.quiet import hush, quiet
from edgekit.types import Artifact, LayerPrecision, Quantized

if TYPE_CHECKING:
    import numpy as np

PLAN_KEY = "edgekit.plan"
_SUFFIXES = {"int": "_quantized", "palette": "_palettized", "sparse": "_sparsified"}  # coremltools' own


def compress_coreml(source: Artifact, plan: Quantized, path: Path) -> Artifact:
    """Writes a compressed copy of an `.mlpackage`.

    Args:
        source: an fp16 export; k-means of fp32 weights takes hours.
        plan: weights with a scheme are compressed, all others stay.

    Raises:
        ExportError: a planned weight is not in the package, or coremltools did not compress it.
    """
    package = open_package(source.path)
    layers = [layer for layer in plan.layers if layer.scheme]
    smaller = compressed(package, layers)
    smaller.user_defined_metadata.update(
        {**package.user_defined_metadata, PRECISION_KEY: plan.scheme, PLAN_KEY: dumps(layers)}
    )
    save_package(smaller, path)
    return artifact(
        path,
        name=f"{source.name.rsplit('-', 1)[0]}-{plan.scheme}",
        target=source.target,
        precision=plan.scheme,
        signature=source.signature,
        parameters=source.parameters,
    )


def open_package(path: Path) -> Any:
    """A package as coremltools' `MLModel`, not loaded for prediction."""
    hush()
    with quiet():
        import coremltools as ct

        return ct.models.MLModel(str(path), skip_model_load=True)


def compressed(package: Any, layers: Sequence[LayerPrecision]) -> Any:
    """A copy of an `MLModel` in which each of these weights is stored by its scheme.

    Raises:
        ExportError: a weight is not in the package, or coremltools did not compress it.
    """
    with quiet():
        import coremltools.optimize.coreml as cto

        weights = cto.get_weights_metadata(package, weight_threshold=1)
    by_key = {parameter_key(name): name for name in weights}
    lost = [layer.name for layer in layers if stored_name(layer.name) not in by_key]
    if lost:
        raise ExportError(
            f"The package has no weight named {lost[0]!r}, which the plan compresses.",
            remedy="Make the plan from the same model that was exported, and export again.",
        )
    for step in range(2):
        configs: dict[str, dict[str, Any]] = defaultdict(dict)
        for layer in layers:
            parts = _steps(layer.scheme)
            if step < len(parts):
                constant = by_key[stored_name(layer.name)]
                # A second step is for the operation that the first one put in the constant's place.
                name = constant + expanding_suffix(layer.scheme) if step else constant
                configs[_verb(parts[step])][name] = _config(cto, layer, step, weights[constant].val)
        for verb, by_name in configs.items():
            apply = {
                "int": cto.linear_quantize_weights,
                "palette": cto.palettize_weights,
                "sparse": cto.prune_weights,
            }[verb]
            config = cto.OptimizationConfig(op_name_configs=by_name)
            with quiet():
                package = apply(package, config=config, joint_compression=step > 0)
    _check_done(package, layers)
    return package


def _steps(scheme: str) -> list[str]:
    return [part for part in scheme.split("-") if part not in ("grouped", "static")]


def _verb(part: str) -> str:
    return part.rstrip("0123456789")


def _config(cto: Any, layer: LayerPrecision, step: int, value: np.ndarray) -> Any:
    part = _steps(layer.scheme)[step]
    number = int(re.sub(r"\D", "", part))
    if _verb(part) == "sparse":
        return cto.OpThresholdPrunerConfig(
            threshold=_threshold(value, number / 100), minimum_sparsity_percentile=0.0, weight_threshold=1
        )
    if _verb(part) == "palette":
        grouped = layer.granularity == "per_group"
        more: Mapping[str, Any] = (
            {"granularity": "per_grouped_channel", "group_size": layer.group_size, "channel_axis": layer.axis}
            if grouped
            else {}
        )
        return cto.OpPalettizerConfig(mode="kmeans", nbits=number, weight_threshold=1, **more)
    # A look-up table has no channels.
    table = step > 0 and _verb(_steps(layer.scheme)[0]) == "palette"
    blocks = {"block_size": layer.group_size} if layer.granularity == "per_block" else {}
    return cto.OpLinearQuantizerConfig(
        mode="linear_symmetric",
        dtype=f"int{number}",
        granularity="per_tensor" if table else layer.granularity,
        weight_threshold=1,
        **blocks,
    )


def _threshold(value: np.ndarray, share: float) -> float:
    """The magnitude up to which a share of the weights lies."""
    import numpy as np

    magnitudes = np.abs(value.astype(np.float32)).ravel()
    last = max(0, round(share * magnitudes.size) - 1)
    return float(np.partition(magnitudes, last)[last])


def _check_done(package: Any, layers: Sequence[LayerPrecision]) -> None:
    """Every planned weight is expanded by an operation, and one of two steps by two of them."""
    made = {
        output.name: operation
        for function in package.get_spec().mlProgram.functions.values()
        for block in function.block_specializations.values()
        for operation in block.operations
        if operation.type.startswith("constexpr_")
        for output in operation.outputs
    }
    by_key = {parameter_key(name): operation for name, operation in made.items()}
    for layer in layers:
        operation = by_key.get(stored_name(layer.name) + expanding_suffix(layer.scheme))
        given = [] if operation is None else [a.name for v in operation.inputs.values() for a in v.arguments]
        if operation is None or (len(_steps(layer.scheme)) > 1 and not made.keys() & set(given)):
            raise ExportError(
                f"coremltools did not store {layer.name!r} as {layer.scheme}.",
                remedy="Use another precision, or another block_size or group_size.",
            )


def stored_name(name: str) -> str:
    """A parameter's name as coremltools writes it."""
    return name.lower().replace(".", "_")


def parameter_key(constant: str) -> str:
    """`p_model_bert_…_weight_to_fp16…` → `bert_…_weight…`: coremltools' name back to the parameter's."""
    return constant.lower().removeprefix("p_").removeprefix("model_").replace("_to_fp16", "")


def expanding_suffix(scheme: str) -> str:
    """What coremltools adds to a constant's name for the operation that the model then reads."""
    return _SUFFIXES[_verb(_steps(scheme)[0])]
