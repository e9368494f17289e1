"""What a package says of its interface, and words for the places in a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Feature:
    """One input, output or state of a function."""

    name: str
    kind: str  # "tensor" | "image" | "label" | "probabilities" | "other"
    dtype: str  # numpy's name; "" when it is neither tensor nor image
    shape: tuple[int, ...] = ()  # the default shape; () when the package states none
    shapes: tuple[tuple[int, ...], ...] = ()  # the only shapes allowed, when enumerated
    ranges: tuple[tuple[int, int | None], ...] = ()  # per axis: lowest and highest extent; None is unbounded
    colors: str = ""  # of an image: "RGB" | "BGR" | "GRAYSCALE" | "GRAYSCALE_FLOAT16"
    default: float | None = None  # what an optional input holds when it is not given

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of this shape may be given."""
        if self.shapes:
            return shape in self.shapes or shape == self.shape
        if self.ranges:
            return len(shape) == len(self.ranges) and all(
                low <= extent and (high is None or extent <= high)
                for extent, (low, high) in zip(shape, self.ranges, strict=True)
            )
        return not self.shape or shape == self.shape

    @property
    def allowed(self) -> str:
        """The shapes that it accepts, in words."""
        if self.shapes:
            return " or ".join(str(list(shape)) for shape in self.shapes)
        if self.ranges:
            return str([_span(low, high) for low, high in self.ranges]).replace("'", "")
        return str(list(self.shape))


@dataclass(frozen=True, slots=True)
class FunctionDescription:
    """The interface of one function."""

    name: str
    inputs: dict[str, Feature]
    outputs: dict[str, Feature]
    states: dict[str, Feature]


def _span(low: int, high: int | None) -> str:
    return str(low) if low == high else f"{low}..{'' if high is None else high}"


def describe(description: Any) -> dict[str, FunctionDescription]:
    """Reads a `ModelDescription`: function name → interface. A single function is called `main`."""
    entries = {entry.name: entry for entry in description.functions} or {"main": description}
    return {
        name: FunctionDescription(
            name,
            {f.name: feature(f) for f in entry.input},
            {f.name: feature(f) for f in entry.output},
            {f.name: feature(f) for f in entry.state},
        )
        for name, entry in entries.items()
    }


def feature(proto: Any) -> Feature:
    """Reads one `FeatureDescription`."""
    which = proto.type.WhichOneof("Type")
    if which == "multiArrayType":
        return _tensor(proto.name, proto.type.multiArrayType, optional=proto.type.isOptional)
    if which == "stateType":
        return _tensor(proto.name, proto.type.stateType.arrayType, optional=False)
    if which == "imageType":
        return _image(proto.name, proto.type.imageType)
    kinds = {"stringType": "label", "int64Type": "label", "dictionaryType": "probabilities"}
    return Feature(proto.name, kinds.get(which, "other"), "")


def _tensor(name: str, array: Any, *, optional: bool) -> Feature:
    shape = tuple(array.shape)
    flexibility = array.WhichOneof("ShapeFlexibility")
    shapes: tuple[tuple[int, ...], ...] = ()
    ranges: tuple[tuple[int, int | None], ...] = ()
    if flexibility == "enumeratedShapes":
        shapes = tuple(tuple(entry.shape) for entry in array.enumeratedShapes.shapes)
    elif flexibility == "shapeRange":
        ranges = tuple((r.lowerBound, _bound(r.upperBound)) for r in array.shapeRange.sizeRanges)
    default = None
    if optional:
        which = array.WhichOneof("defaultOptionalValue")
        default = float(getattr(array, which)) if which else 0.0
    dtype = type(array).ArrayDataType.Name(array.dataType).lower().replace("double", "float64")
    return Feature(name, "tensor", dtype, shape, shapes, ranges, default=default)


def _image(name: str, image: Any) -> Feature:
    colors = type(image).ColorSpace.Name(image.colorSpace)
    channels = 1 if colors.startswith("GRAYSCALE") else 3
    flexibility = image.WhichOneof("SizeFlexibility")
    shapes: tuple[tuple[int, ...], ...] = ()
    ranges: tuple[tuple[int, int | None], ...] = ()
    if flexibility == "enumeratedSizes":
        shapes = tuple((1, channels, size.height, size.width) for size in image.enumeratedSizes.sizes)
    elif flexibility == "imageSizeRange":
        bounds = image.imageSizeRange
        ranges = (
            (1, 1),
            (channels, channels),
            (bounds.heightRange.lowerBound, _bound(bounds.heightRange.upperBound)),
            (bounds.widthRange.lowerBound, _bound(bounds.widthRange.upperBound)),
        )
    dtype = "float16" if colors == "GRAYSCALE_FLOAT16" else "uint8"
    return Feature(name, "image", dtype, (1, channels, image.height, image.width), shapes, ranges, colors)


def _bound(upper: int) -> int | None:
    return None if upper < 0 else upper


def place(op: Any, function: str) -> str:
    """Where an operation stands: `operation 12 of 340 in main`, nested blocks from the outside in."""
    block = op.enclosing_block
    operations = list(block.operations)
    within = f"operation {operations.index(op) + 1} of {len(operations)} in "
    outer = block.outer_op
    return within + (
        function if outer is None else f"{outer.op_type} {outer.name!r}, {place(outer, function)}"
    )


def scope(op: Any) -> str:
    """The source modules that an operation came from, outermost first, as far as the program records them."""
    parts = [
        f"{getattr(source, 'name', source)}: {_words(names)}" for source, names in op.scopes.items() if names
    ]
    return "; ".join(parts) or "not recorded in the package"


def _words(names: Any) -> str:
    return ".".join(str(name) for name in names) if isinstance(names, list | tuple) else str(names)
