"""edgekit: distil, quantize, export and verify models that run on a device.

Each command is also a function here; it is imported when it's first used:

    import edgekit
    result = edgekit.run_recipe(edgekit.load_recipe("movie-reviews"))
    edgekit.export_model("my-model", targets=["onnx", "coreml"])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit.api import (
        advise,
        bench_models,
        distill_model,
        export_model,
        predict,
        quantize_model,
        verify_artifact,
    )
    from edgekit.app import bundle_model, import_result, read_report, render_report
    from edgekit.generation import generate
    from edgekit.pipeline import plan_run, run_recipe
    from edgekit.recipe.load import load_recipe
    from edgekit.types import LabelledFile

__version__ = "0.1.0"

_WHERE = {
    "load_recipe": "edgekit.recipe.load",
    "plan_run": "edgekit.pipeline",
    "run_recipe": "edgekit.pipeline",
    "distill_model": "edgekit.api",
    "export_model": "edgekit.api",
    "quantize_model": "edgekit.api",
    "verify_artifact": "edgekit.api",
    "bench_models": "edgekit.api",
    "predict": "edgekit.api",
    "advise": "edgekit.api",
    "bundle_model": "edgekit.app",
    "import_result": "edgekit.app",
    "read_report": "edgekit.app",
    "render_report": "edgekit.app",
    "generate": "edgekit.generation",
    "LabelledFile": "edgekit.types",
}

__all__ = [
    "LabelledFile",
    "__version__",
    "advise",
    "bench_models",
    "bundle_model",
    "distill_model",
    "export_model",
    "generate",
    "import_result",
    "load_recipe",
    "plan_run",
    "predict",
    "quantize_model",
    "read_report",
    "render_report",
    "run_recipe",
    "verify_artifact",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'edgekit' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return __all__
