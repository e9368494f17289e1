"""Reads a `.mlpackage`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgekit.errors import MissingExtra, ModelError, first_line
from edgekit.mil.describe import describe
from edgekit.mil.layout import DAMAGED, find_parts
from edgekit.mil.model import Model
from edgekit.mil.package import check, check_interface
from edgekit.mil.reading import read_program

# What coremltools and protobuf raise on a package that they can't read; coremltools also asserts.
READ_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def load(path: str | Path, *, function_name: str | None = None) -> Model:
    """Opens an ML Program for prediction, on any machine that runs torch.

    Args:
        path: a `.mlpackage` folder.
        function_name: which function predicts; the package's own default when None.

    Raises:
        ModelError: there is no such package or function; it is damaged; it holds no ML Program; or it uses an
            operation that is not known here.
        MissingExtra: coremltools is not installed.
    """
    path = Path(path)
    parts = find_parts(path)
    with _reading(path):
        spec = _single_program(_parsed(parts.program), path)
        return _model(spec, parts.weights, path, function_name)


def read_spec(path: str | Path) -> Any:
    """The package's `Model` proto: its interface, metadata and program, without the weights.

    Raises:
        ModelError: there is no such package, or it is damaged.
        MissingExtra: coremltools is not installed.
    """
    path = Path(path)
    parts = find_parts(path)
    with _reading(path):
        return _parsed(parts.program)


def _parsed(program: Path) -> Any:
    from coremltools.proto import Model_pb2
    from google.protobuf.message import DecodeError

    try:
        return Model_pb2.Model.FromString(program.read_bytes())
    except DecodeError as problem:
        raise ValueError(first_line(problem)) from problem


def _model(spec: Any, weights: Path | None, path: Path, function_name: str | None) -> Model:
    functions = describe(spec.description)
    chosen = function_name or spec.description.defaultFunctionName or "main"
    if chosen not in functions or chosen not in spec.mlProgram.functions:
        raise ModelError(
            f"{path.name} has no function {chosen!r}; it has {', '.join(map(repr, functions))}.",
            remedy="Name one of these as function_name.",
        )
    for other in [name for name in spec.mlProgram.functions if name != chosen]:
        del spec.mlProgram.functions[other]
    check(spec.mlProgram, weights, path.name)
    check_interface(spec.mlProgram, functions[chosen], path.name)
    return Model(path, functions, chosen, lambda name: read_program(spec, weights).functions[name])


def _single_program(spec: Any, path: Path) -> Any:
    """The model itself, or the one ML Program of a pipeline."""
    kind = spec.WhichOneof("Type")
    if kind == "pipeline" and len(spec.pipeline.models) == 1:
        return _single_program(spec.pipeline.models[0], path)
    if kind != "mlProgram":
        what = "nothing" if kind is None else f"a model of the type {kind!r}"
        raise ModelError(
            f"{path.name} holds {what}; only ML Programs can be executed here.",
            remedy='Convert the source model again with convert_to="mlprogram" (iOS15 or later).',
        )
    return spec


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Says what is wrong with a package, and silences what coremltools logs about platforms and versions."""
    logger = logging.getLogger("coremltools")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            str(missing.name), extra="coreml", needed_for="Reading a Core ML package"
        ) from None
    except READ_ERRORS as problem:
        raise ModelError(
            f"{path.name} can't be read: {type(problem).__name__}: {first_line(problem)}", remedy=DAMAGED
        ) from problem
    finally:
        logger.setLevel(level)
