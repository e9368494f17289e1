"""The process behind a compression: carries out one plan, and prints what that took.

    python -m edgekit.stages.compress_worker < request.json

Reads `{"source": Artifact, "plan": Quantized, "path": …}`, for ONNX with "rows", "settings" and "spans";
prints one line of JSON, the artifact with seconds and peak memory, or what went wrong. It is a process of its
own so that the peak is the compression's alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from edgekit.benchmark.peak_worker import peak_resident_bytes
from edgekit.codec import dumps, from_json, rows_from_json
from edgekit.errors import EdgekitError
from edgekit.types import Artifact, Quantized


def main() -> int:
    """Runs the worker."""
    request = json.load(sys.stdin)
    source = from_json(Artifact, request["source"])
    carry_out = _coreml(source) if source.target == "coreml" else _onnx(request)
    started = time.perf_counter()
    try:
        made = carry_out(source, from_json(Quantized, request["plan"]), Path(request["path"]))
    except EdgekitError as error:
        print(json.dumps({"fact": error.fact, "remedy": error.remedy}))
        return error.exit_code
    seconds = time.perf_counter() - started
    print(dumps({"artifact": made, "seconds": seconds, "peak_bytes": peak_resident_bytes()}))
    return 0


def _coreml(source: Artifact) -> Callable[[Artifact, Quantized, Path], Artifact]:
    from edgekit.export.coreml_compress import compress_coreml, open_package

    open_package(source.path)  # imports coremltools, whose seconds are not the compression's
    return compress_coreml


def _onnx(request: dict[str, Any]) -> Callable[[Artifact, Quantized, Path], Artifact]:
    from edgekit.export.onnx_schemes.carry_out import quantize_onnx
    from edgekit.export.onnx_schemes.settings import Settings

    settings = from_json(Settings, request["settings"])
    spans = {tensor: (low, high) for tensor, (low, high) in request["spans"].items()}
    return partial(quantize_onnx, rows=rows_from_json(request["rows"]), settings=settings, spans=spans)


if __name__ == "__main__":
    sys.exit(main())
