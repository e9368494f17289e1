"""What of a package's own description the Swift code has to know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Core ML's specification version → the first iOS and macOS that read it. The kit's own code needs iOS 16.
_SYSTEMS = {8: ("17.0", "14.0"), 9: ("18.0", "15.0"), 10: ("26.0", "26.0")}
_OLDEST = ("16.0", "13.0")


@dataclass(frozen=True, slots=True)
class Interface:
    """How a package is called."""

    ios: str
    macos: str
    lengths: tuple[int, ...]  # the only counts of tokens that it takes, ascending; empty: all up to its limit
    probabilities: str | None  # name of a classifier's dictionary


def read_interface(path: Path) -> Interface:
    """Reads an `.mlpackage` that edgekit exported.

    Raises:
        ModelError: it is missing or damaged.
        MissingExtra: coremltools is not installed.
    """
    from edgekit import mil
    from edgekit.quiet import hush, quiet

    hush()
    with quiet():
        spec = mil.read_spec(path)
    array = spec.description.input[0].type.multiArrayType
    lengths: set[int] = set()
    if array.dataType == array.INT32 and not len(array.shapeRange.sizeRanges):
        shapes = [s.shape for s in array.enumeratedShapes.shapes] or [array.shape]
        lengths = {int(shape[1]) for shape in shapes}
    ios, macos = _SYSTEMS.get(spec.specificationVersion, _OLDEST)
    return Interface(
        ios=ios,
        macos=macos,
        lengths=tuple(sorted(lengths)),
        probabilities=spec.description.predictedProbabilitiesName or None,
    )
