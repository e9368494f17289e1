"""What can be checked of an `.mlpackage` without executing it: signature, labels, weights, size.

Passing here is not verification: only execution is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError, first_line
from edgekit.quiet import hush, quiet

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Artifact

SPECIFICATION = {"iOS16": 7, "iOS17": 8, "iOS18": 9}  # the package format's version of each iOS
BITS = {"fp32": 32, "fp16": 16, "int8": 8}


@dataclass(frozen=True, slots=True)
class Structure:
    """Checks that held and checks that did not, in words."""

    checks: tuple[str, ...]
    failures: tuple[str, ...]


def check_structure(artifact: Artifact, *, weights: Mapping[str, np.ndarray]) -> Structure:
    """Checks a classifier package against the model it came from.

    Args:
        weights: parameter name → array, of the module that was exported.

    Raises:
        ModelError: the package can't be opened at all.
    """
    hush()
    try:
        with quiet():
            import coremltools as ct

            package = ct.models.MLModel(str(artifact.path), skip_model_load=True)
            spec = package.get_spec()
    except Exception as error:
        raise ModelError(
            f"{artifact.path} is not a readable Core ML package: {first_line(error)}",
            remedy="Export it again; files may be missing or cut short.",
        ) from error
    held: list[str] = []
    broken: list[str] = []

    def check(condition: bool, text: str) -> None:
        (held if condition else broken).append(text)

    _interface(artifact, spec, check)
    _size(artifact, weights, check)
    if artifact.precision in ("fp16", "fp32"):
        _weights(package, weights, check, tolerance=2e-3 if artifact.precision == "fp16" else 1e-6)
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
    for feature in spec.description.input:
        array = feature.type.multiArrayType
        check(array.dataType == int32, f"{feature.name} takes int32")
        ranges = array.shapeRange.sizeRanges
        longest = (
            ranges[1].upperBound
            if len(ranges) == 2
            else max((s.shape[1] for s in array.enumeratedShapes.shapes), default=array.shape[1])
        )
        limit = artifact.signature.max_length or longest
        check(0 < longest <= limit, f"{feature.name} takes up to {longest} tokens (limit {limit})")
    check(spec.description.predictedFeatureName == "label", "it predicts a label")
    labels = _class_labels(spec)
    check(tuple(labels) == artifact.signature.labels, f"class labels are {list(artifact.signature.labels)}")


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
    expected = sum(w.size for w in weights.values()) * BITS[artifact.precision] / 8
    # int8 keeps vectors and small tables in fp16, and adds a scale per channel.
    close = 0.98 * expected <= artifact.size_bytes <= 1.15 * expected + 500_000
    check(close, f"{artifact.size_bytes:,} bytes fit {artifact.precision} weights ({expected:,.0f} expected)")


def _weights(package: Any, weights: Mapping[str, np.ndarray], check: Any, *, tolerance: float) -> None:
    """Every matrix of the module is in the package, with its values."""
    import numpy as np

    try:
        with quiet():
            import coremltools.optimize.coreml as cto

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
            got, value = _leading_rows(value, stored)
        if got is None or got.shape != value.shape:
            wrong.append(f"{name} is missing")
        elif not np.allclose(got.astype(np.float32), value, atol=tolerance, rtol=tolerance):
            wrong.append(f"{name} has other values")
    check(
        not wrong,
        f"all {len(matrices)} matrices are present with their values" + (f" ({wrong[0]})" if wrong else ""),
    )


def _leading_rows(value: np.ndarray, stored: Mapping[str, Any]) -> tuple[np.ndarray | None, np.ndarray]:
    """A stored constant that is the first rows of a table, and those rows; None if there is none."""
    import numpy as np

    for meta in stored.values():
        rows = np.asarray(meta.val)
        rows = rows[0] if rows.ndim == 3 and rows.shape[0] == 1 else rows
        if rows.ndim == 2 and rows.shape[1] == value.shape[1] and rows.shape[0] < value.shape[0]:
            leading = value[: rows.shape[0]]
            if np.allclose(rows.astype(np.float32), leading, atol=2e-3, rtol=2e-3):
                return rows, leading
    return None, value


def _compressed(spec: Any, check: Any) -> None:
    """Some weights are stored in int8, and decompressed by the operation made for it."""
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
