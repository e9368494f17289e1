"""Small ML Programs, written operation by operation and saved as they stand, without conversion passes."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import types

from edgekit.quiet import quiet

Body = Callable[..., Any]
HALF, SINGLE, WHOLE = types.fp16, types.fp32, types.int32
IOS16, IOS17, IOS18 = ct.target.iOS16, ct.target.iOS17, ct.target.iOS18

gc.freeze()  # ct.convert collects garbage each time, and would walk all that the imports above made


def half(*shape: int, seed: int = 0) -> np.ndarray:
    """Random float16 weights."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float16)


def save(
    folder: Path,
    body: Body,
    *inputs: tuple[Sequence[int], Any],
    state: Sequence[int] | None = None,
    shapes: Sequence[Any] | None = None,
    target: Any = IOS17,
    change: Callable[[Any], Any] | None = None,
) -> Path:
    """Writes a program whose inputs are called x, y, z.

    Args:
        body: takes the inputs' Vars, then the state's, and returns the result.
        inputs: shape and type of each.
        shapes: what each input takes in its shape's place: a `ct.Shape` with `RangeDim`, `EnumeratedShapes`.
        change: a compression of the converted model.
    """
    names = "xyz"[: len(inputs)]
    specs = [mb.TensorSpec(tuple(shape), dtype=dtype) for shape, dtype in inputs]
    names += "s" if state else ""
    specs += [mb.StateTensorSpec(tuple(state), dtype=HALF)] if state else []
    scope: dict[str, Any] = {"body": body}
    exec(f"def program({', '.join(names)}): return body({', '.join(names)})", scope)
    made = mb.program(input_specs=specs, opset_version=target)(scope["program"])
    described = None
    if shapes:
        described = [
            ct.TensorType(name=name, shape=shape, dtype=types.nptype_from_builtin(dtype))
            for name, shape, (_, dtype) in zip(names, shapes, inputs, strict=False)
        ]
    with quiet():
        model = ct.convert(
            made,
            inputs=described,
            minimum_deployment_target=target,
            compute_precision=ct.precision.FLOAT32,
            pass_pipeline=ct.PassPipeline.EMPTY,
            skip_model_load=True,
        )
        if change is not None:
            model = change(model)
        model.save(str(folder / "model.mlpackage"))
    return folder / "model.mlpackage"
