"""Reads a `.mlpackage`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgekit.errors import MissingExtra, ModelError
from edgekit.mil.describe import describe
from edgekit.mil.model import Model
from edgekit.mil.package import DAMAGED, check

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
    with _hushed():
        spec, weights = _read_spec(path)
        spec = _single_program(spec, path)
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
        return Model(path, functions, chosen, lambda name: _read_function(spec, weights, name, path))


def _read_spec(path: Path) -> tuple[Any, Path | None]:
    if not path.exists():
        raise ModelError(f"There is no {path}.", remedy="Give the path of a .mlpackage folder.")
    if path.suffix == ".mlmodelc":
        raise ModelError(
            f"{path.name} is compiled for a device and can't be read back.",
            remedy="Give the .mlpackage that it was compiled from.",
        )
    try:
        import coremltools
        from google.protobuf.message import DecodeError
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            str(missing.name), extra="coreml", needed_for="Reading a Core ML package"
        ) from None
    try:
        model = coremltools.models.MLModel(str(path), skip_model_load=True)
    except (*READ_ERRORS, DecodeError) as problem:
        raise ModelError(f"{path.name} can't be read: {_first_line(problem)}", remedy=DAMAGED) from problem
    return model.get_spec(), Path(model.weights_dir) if model.weights_dir else None


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


def _read_function(spec: Any, weights: Path | None, name: str, path: Path) -> Any:
    from coremltools.converters.mil.frontend.milproto import load as milproto

    try:
        program = milproto.load(spec, spec.specificationVersion, str(weights or ""))
    except READ_ERRORS as problem:
        raise ModelError(
            f"The program of {path.name} can't be read: {type(problem).__name__}: {_first_line(problem)}",
            remedy=DAMAGED,
        ) from problem
    return program.functions[name]


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0][:300] if lines else type(problem).__name__


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Silences what coremltools logs about platforms and versions that make no difference here."""
    logger = logging.getLogger("coremltools")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
