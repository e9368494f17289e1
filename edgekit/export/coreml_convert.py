"""One call of coremltools: quiet when it works, and when it fails an error that names the operation."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgekit.errors import ExportError, first_line
from edgekit.export.coreml_sources import mark_sources, record_sources
from edgekit.files import atomic
from edgekit.quiet import quiet


def convert(
    program: Any, *, name: str, precision: str, minimum_deployment_target: str, **settings: Any
) -> Any:
    """A traced program as an ML Program.

    Args:
        program: from `torch.export` or `torch.jit.trace`.
        name: the model's, for errors.
        precision: "fp16" or "fp32", of weights and arithmetic.
        settings: for `coremltools.convert`: inputs, outputs, states, classifier_config.

    Raises:
        ExportError: an operation can't be converted; named, with its PyTorch module where that is known.
    """
    with quiet():
        import coremltools as ct
    mark_sources(program)
    with _notes() as notes:
        try:
            with quiet():
                converted = ct.convert(
                    program,
                    convert_to="mlprogram",
                    minimum_deployment_target=ct.target[minimum_deployment_target],
                    compute_precision=ct.precision.FLOAT16 if precision == "fp16" else ct.precision.FLOAT32,
                    **settings,
                )
            return record_sources(program, converted)
        except Exception as error:
            raise _explained(name, program, error, notes) from error


def save_package(package: Any, path: Path) -> None:
    """Writes an `.mlpackage` folder atomically."""
    with atomic(path) as temporary, quiet():
        package.save(str(temporary))


def write_out_gelu(x: Any, *, approximate: str = "none") -> Any:
    """A decomposition for `torch.export`: GELU's tanh form in plain operations.

    coremltools reads `gelu(approximate="tanh")` as the exact form, which is another function; the plain
    operations it recognises as what they are.
    """
    if approximate != "tanh":
        return NotImplemented
    inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)
    return 0.5 * x * (1.0 + inner.tanh())


class _Notes(logging.Handler):
    """Collects what coremltools logs while it fails: only there does it name the place."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def _notes() -> Iterator[list[str]]:
    notes, logger = _Notes(), logging.getLogger("coremltools")
    level = logger.level
    logger.addHandler(notes)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        yield notes.texts
    finally:
        logger.removeHandler(notes)
        logger.setLevel(level)
        logger.propagate = True


def _explained(name: str, program: Any, error: Exception, notes: list[str]) -> ExportError:
    """Names the operation and the PyTorch module that could not be converted."""
    text = " ".join([*notes, str(error)])
    found = re.search(
        r"converting '([\w.]+)' op|function for op '([\w.]+)'|fx node ([\w.]+)|for op[: ]+'?([\w.]+)'?", text
    )
    operation = next((g for g in found.groups() if g), "") if found else ""
    where = _module_of(program, operation)
    named = f" at operation {operation!r}" if operation else ""
    inside = f" in module {where!r}" if where else ""
    return ExportError(
        f"{name} can't be converted to Core ML{named}{inside}: {first_line(error)}",
        remedy="Core ML has no such operation. Replace it in the model, or export to ONNX instead.",
    )


def _module_of(program: Any, operation: str) -> str:
    """Dotted path of the module whose code made an operation of the traced graph."""
    wanted = operation.replace("aten::", "").split(".")[0].rstrip("_")
    # A graph from torch.jit names no modules.
    nodes = program.graph.nodes if wanted and hasattr(program, "graph_signature") else ()
    for node in nodes:
        if node.op == "call_function" and (wanted in str(node.target) or node.name == wanted):
            stack = list((node.meta.get("nn_module_stack") or {}).values())
            if stack:
                return str(stack[-1][0]).removeprefix("model.")
    return ""
