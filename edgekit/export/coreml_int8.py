"""Weight-only int8 for Core ML: linear, symmetric, following a precision plan weight by weight.

Two traps are avoided here. A constant folded from several tables (position + token types) would get one
scale for all of it, so only weights that the plan names are touched. `enable_per_channel_scale` leaves
weights normalised when a group size doesn't divide, so it is never used.
"""

from __future__ import annotations

from pathlib import Path

from edgekit.errors import ExportError
from edgekit.export.coreml import save_package
from edgekit.export.exportable import int8_artifact
from edgekit.metadata import PRECISION_KEY
from edgekit.quiet import hush, quiet
from edgekit.types import Artifact, Quantized


def quantize_coreml(source: Artifact, plan: Quantized, path: Path) -> Artifact:
    """Writes an int8-weight copy of an `.mlpackage`; arithmetic stays what it was.

    Raises:
        ExportError: a planned weight is not in the package, so the plan belongs to another model.
    """
    hush()
    with quiet():
        import coremltools as ct
        import coremltools.optimize.coreml as cto

        package = ct.models.MLModel(str(source.path), skip_model_load=True)
        weights = cto.get_weights_metadata(package, weight_threshold=1)
    by_key = {_key(name): name for name in weights}
    configs: dict[str, object] = dict.fromkeys(weights)  # None: left as it is
    for layer in plan.layers:
        if layer.bits != 8:
            continue
        name = by_key.get(_sanitised(layer.name))
        if name is None:
            raise ExportError(
                f"{source.path.name} has no weight named {layer.name!r}, which the plan quantizes.",
                remedy="Make the plan from the same model that was exported, and export again.",
            )
        configs[name] = cto.OpLinearQuantizerConfig(
            mode="linear_symmetric", dtype="int8", granularity=layer.granularity, weight_threshold=1
        )
    config = cto.OptimizationConfig(op_name_configs=configs)
    with quiet():
        smaller = cto.linear_quantize_weights(package, config=config)
    smaller.user_defined_metadata.update({**package.user_defined_metadata, PRECISION_KEY: "int8"})
    save_package(smaller, path)
    return int8_artifact(source, path)


def _sanitised(name: str) -> str:
    return name.lower().replace(".", "_")


def _key(constant: str) -> str:
    """`p_model_bert_…_weight_to_fp16` → `bert_…_weight`: coremltools' name back to the parameter's."""
    return constant.lower().removeprefix("p_").removeprefix("model_").removesuffix("_to_fp16")
