"""The targets, in one table: what each writes, at which precisions, and what it needs."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from edgekit.errors import ExportError, MissingExtra
from edgekit.recipe.schema.precisions import precisions_of


@dataclass(frozen=True, slots=True)
class Target:
    """One format that a device loads."""

    name: str
    suffix: str
    folder: str  # sub-folder of the model's Hub-layout folder
    precisions: tuple[str, ...]  # the first is the plain export
    modules: tuple[str, ...]  # Python packages it needs
    extra: str


_ONNX = ("onnx", "onnxruntime", "onnxscript", "onnx_ir")
_COREAI = ("coreai", "coreai_torch", "coreai_opt")
TARGETS = {
    # Standard operators alone, for every runtime; and the same graph in ONNX Runtime's own operators.
    "onnx": Target("onnx", ".onnx", "onnx", precisions_of("onnx"), _ONNX, "onnx"),
    "onnxruntime": Target("onnxruntime", ".onnx", "onnxruntime", precisions_of("onnxruntime"), _ONNX, "onnx"),
    "coreml": Target("coreml", ".mlpackage", "coreml", precisions_of("coreml"), ("coremltools",), "coreml"),
    "coreai": Target("coreai", ".aimodel", "coreai", precisions_of("coreai"), _COREAI, "coreai"),
}


def get_target(name: str) -> Target:
    """The target of that name, with its packages installed.

    Raises:
        ExportError: no such target.
        MissingExtra: a package it needs is missing.
    """
    target = TARGETS.get(name)
    if target is None:
        raise ExportError(f"There is no target {name!r}.", remedy=f"Choose one of: {', '.join(TARGETS)}.")
    for module in target.modules:
        if importlib.util.find_spec(module) is None:
            raise MissingExtra(module, extra=target.extra, needed_for=f"Exporting to {name}")
    return target


def file_name(target: Target, precision: str) -> str:
    """`model.onnx`, `model_int8.onnx`, `model.mlpackage` …: the plain export carries no suffix."""
    return f"model{'' if precision == target.precisions[0] else '_' + precision}{target.suffix}"
