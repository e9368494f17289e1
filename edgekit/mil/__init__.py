"""A reference evaluator for Core ML ML Programs, on any machine that runs torch.

    model = edgekit.mil.load("student.mlpackage")
    model.predict({"input_ids": ids, "attention_mask": mask})

What it computes is *reference semantics*: what MIL's documentation says of each operation, rounded to the
types that the program declares. Accumulation order, fusion and the Neural Engine are not modelled, so its
results are never a device's output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit.mil.describe import Feature, FunctionDescription
    from edgekit.mil.loading import load, read_spec
    from edgekit.mil.model import Model
    from edgekit.mil.state import State

__all__ = ["Feature", "FunctionDescription", "Model", "State", "load", "read_spec"]

_HOMES = {
    "Feature": "edgekit.mil.describe",
    "FunctionDescription": "edgekit.mil.describe",
    "Model": "edgekit.mil.model",
    "State": "edgekit.mil.state",
    "load": "edgekit.mil.loading",
    "read_spec": "edgekit.mil.loading",
}


def __getattr__(name: str) -> Any:
    # Torch is imported when the evaluator is first used, not when its package is.
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
