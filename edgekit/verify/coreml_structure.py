"""What can be checked of an `.mlpackage` without executing it: signature, labels, weights, size.

Passing here is not verification: only execution is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.batches import is_padded
from edgekit.metadata import read_signature
from edgekit.quiet import quiet
from edgekit.recipe.schema.precisions import SCHEMES
from edgekit.runtimes.coreml_program import coreml_spec
from edgekit.tasks import get_task

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Artifact

SPECIFICATION = {"iOS16": 7, "iOS17": 8, "iOS18": 9}  # the package format's version of each iOS
BITS: dict[str, tuple[float, float]] = {  # of a weight on disk: at least, at most
    **{name: (scheme.bits_per_weight, scheme.bits_per_weight) for name, scheme in SCHEMES.items()},
    "fp32": (32, 32),
    "fp16": (16, 16),
    "int4": (4, 6),  # the block size decides
    "mixed": (SCHEMES["mixed"].bits_per_weight, 16),  # the budget decides
}


@dataclass(frozen=True, slots=True)
class Structure:
    """Checks that held and checks that did not, in words."""

    checks: tuple[str, ...]
    failures: tuple[str, ...]


def check_structure(artifact: Artifact, *, weights: Mapping[str, np.ndarray]) -> Structure:
    """Checks a package against the model it came from.

    Args:
        weights: parameter name → array, of the module that was exported.

    Raises:
        ModelError: the package can't be opened at all.
    """
    spec = coreml_spec(artifact.path)
    held: list[str] = []
    broken: list[str] = []

    def check(condition: bool, text: str) -> None:
        (held if condition else broken).append(text)

    _interface(artifact, spec, check)
    _size(artifact, weights, check)
    if artifact.precision in ("fp16", "fp32"):
        _weights(artifact.path, weights, check, tolerance=2e-3 if artifact.precision == "fp16" else 1e-6)
    else:
        _compressed(spec, check)
    return Structure(checks=tuple(held), failures=tuple(broken))


def _interface(artifact: Artifact, spec: Any, check: Any) -> None:
    from coremltools.proto import FeatureTypes_pb2

    kind = spec.WhichOneof("Type")
    check(kind == "mlProgram", f"the model is an ML Program (found {kind})")
    wanted = spec.description.metadata.userDefined.get("edgekit.minimum_deployment_target", "")
    if wanted in SPECIFICATION:
        version = spec.specificationVersion
        check(version <= SPECIFICATION[wanted], f"specification {version} runs on {wanted}")
    names = [i.name for i in spec.description.input]
    expected = [s.name for s in artifact.signature.inputs]
    check(names == expected, f"inputs are {expected} (found {names})")
    int32 = FeatureTypes_pb2.ArrayFeatureType.INT32
    for feature, told in zip(spec.description.input, artifact.signature.inputs, strict=False):
        array = feature.type.multiArrayType
        if not is_padded(told):
            float32 = FeatureTypes_pb2.ArrayFeatureType.FLOAT32
            check(array.dataType == float32, f"{feature.name} takes float32")
            shape = tuple(array.shape)
            check(shape == told.shape, f"{feature.name} is {list(told.shape)} (found {list(shape)})")
            continue
        check(array.dataType == int32, f"{feature.name} takes int32")
        ranges = array.shapeRange.sizeRanges
        longest = (
            ranges[1].upperBound
            if len(ranges) == 2
            else max((s.shape[1] for s in array.enumeratedShapes.shapes), default=array.shape[1])
        )
        limit = artifact.signature.max_length or longest
        check(0 < longest <= limit, f"{feature.name} takes up to {longest} tokens (limit {limit})")
    if get_task(artifact.signature.task).truth == "class":
        check(spec.description.predictedFeatureName == "label", "it predicts a label")
        labels = _class_labels(spec)
        wanted_labels = list(artifact.signature.labels)
        check(labels == wanted_labels, f"class labels are {wanted_labels}")
    else:
        _outputs(artifact, spec, check)


def _outputs(artifact: Artifact, spec: Any, check: Any) -> None:
    """The answer is one float32 array of the task's width, and the labels' names stand in the metadata."""
    from coremltools.proto import FeatureTypes_pb2

    names = [o.name for o in spec.description.output]
    expected = [s.name for s in artifact.signature.outputs]
    check(names == expected, f"outputs are {expected} (found {names})")
    float32, width = FeatureTypes_pb2.ArrayFeatureType.FLOAT32, artifact.signature.outputs[0].shape[-1]
    for feature in spec.description.output:
        array = feature.type.multiArrayType
        check(array.dataType == float32, f"{feature.name} gives float32")
        if array.shape:  # a package with flexible lengths may leave it open
            check(array.shape[-1] == width, f"{feature.name} is {width} wide (found {array.shape[-1]})")
    told = read_signature(spec.description.metadata.userDefined, path=artifact.path).labels
    check(told == artifact.signature.labels, f"labels are {list(artifact.signature.labels)}")


def _class_labels(spec: Any) -> list[str]:
    """Labels stored in the program's `classify` operation."""
    for function in spec.mlProgram.functions.values():
        for block in function.block_specializations.values():
            for operation in block.operations:
                if operation.type == "classify":
                    classes = operation.inputs["classes"].arguments[0].value.immediateValue.list
                    return [v.immediateValue.tensor.strings.values[0] for v in classes.values]
    return []


def _size(artifact: Artifact, weights: Mapping[str, np.ndarray], check: Any) -> None:
    blobs = list(artifact.path.rglob("weight.bin"))
    check(len(blobs) == 1 and blobs[0].stat().st_size > 0, "the weight file is present")
    least, most = (sum(w.size for w in weights.values()) * bits / 8 for bits in BITS[artifact.precision])
    # Vectors and small tables stay in fp16, and scales and look-up tables are added.
    close = 0.98 * least <= artifact.size_bytes <= 1.15 * most + 500_000
    wanted = f"{least:,.0f}" if least == most else f"{least:,.0f} to {most:,.0f}"
    check(close, f"{artifact.size_bytes:,} bytes fit {artifact.precision} weights ({wanted} expected)")


def _weights(path: Path, weights: Mapping[str, np.ndarray], check: Any, *, tolerance: float) -> None:
    """Every matrix of the module is in the package, with its values."""
    import numpy as np

    try:
        with quiet():
            import coremltools as ct
            import coremltools.optimize.coreml as cto

            package = ct.models.MLModel(str(path), skip_model_load=True)
            stored = cto.get_weights_metadata(package, weight_threshold=1)
    except Exception as error:  # noqa: BLE001 - a damaged blob raises whatever its offsets lead to
        check(False, f"the weights can be read ({str(error).strip() or type(error).__name__})")
        return
    found = {
        name.lower().removeprefix("p_").removeprefix("model_").removesuffix("_to_fp16"): meta.val
        for name, meta in stored.items()
    }
    wrong = []
    matrices = {n: w for n, w in weights.items() if w.ndim >= 2}
    for name, value in matrices.items():
        got = found.get(name.lower().replace(".", "_"))
        if got is None:
            # A fixed shape lets the converter cut a position table to the rows it reads, under a new name.
            got, value = _elsewhere(value, stored)
        if got is None or got.shape != value.shape:
            wrong.append(f"{name} is missing")
        elif not np.allclose(got.astype(np.float32), value, atol=tolerance, rtol=tolerance):
            wrong.append(f"{name} has other values")
    check(
        not wrong,
        f"all {len(matrices)} matrices are present with their values" + (f" ({wrong[0]})" if wrong else ""),
    )


def _elsewhere(value: np.ndarray, stored: Mapping[str, Any]) -> tuple[np.ndarray | None, np.ndarray]:
    """A stored constant that is a table's first rows, or all of it, and those rows; None: there is none."""
    import numpy as np

    for meta in stored.values():
        rows = np.asarray(meta.val)
        rows = rows[0] if rows.ndim == 3 and rows.shape[0] == 1 else rows
        if rows.ndim == 2 and rows.shape[1] == value.shape[1] and rows.shape[0] <= value.shape[0]:
            leading = value[: rows.shape[0]]
            if np.allclose(rows.astype(np.float32), leading, atol=2e-3, rtol=2e-3):
                return rows, leading
    return None, value


def _compressed(spec: Any, check: Any) -> None:
    """Some weights are stored compressed, and expanded by the operation made for it."""
    kinds = [
        operation.type
        for function in spec.mlProgram.functions.values()
        for block in function.block_specializations.values()
        for operation in block.operations
        if operation.type.startswith("constexpr_")
    ]
    check(
        bool(kinds), f"{len(kinds)} weights are stored compressed ({', '.join(sorted(set(kinds))) or 'none'})"
    )
