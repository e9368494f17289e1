"""Random ML Programs, written by coremltools' builder, converted and saved: the evaluator against numpy.

Three forms. "single": single precision, converted with coremltools' usual passes. "half": the same converted
to half precision, executed unrounded; every number in it is one that half precision holds, so that only a
wrong program or evaluator can differ. "rounded": half precision written by hand and not transformed, executed
as declared; numpy rounds every result as well.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil.mil import Builder as mb
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from mil_numpy_operations import (
    ACTIVATION,
    ELEMENTWISE,
    REDUCTION,
    Array,
    Draw,
    Operation,
    constant,
    integer,
    pick,
)
from mil_numpy_tensors import PRODUCT, TRANSFORMATION

import edgekit.mil as mil
from edgekit.quiet import quiet

OPERATIONS: dict[str, Operation] = ELEMENTWISE | ACTIVATION | REDUCTION | PRODUCT | TRANSFORMATION
FORMS = ("single", "half", "rounded")
SHAPES = [(5,), (4, 6), (2, 4, 5), (1, 3, 7), (1, 4, 6, 4), (2, 2, 3, 4), (2, 1, 3, 2, 2)]
MOST = 64.0  # of an intermediate value, so that tolerances mean something
WIDE = settings.get_current_profile_name() == "search"


@dataclass
class Step:
    name: str
    operands: list[int | Array]  # the place of an earlier value, or a constant
    attributes: dict[str, Any]


@dataclass
class Program:
    """`values` are the inputs, then the result of each step."""

    form: str
    inputs: int = 0
    steps: list[Step] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)

    def add_input(self, value: Array) -> None:
        self.values.append(value)
        self.inputs += 1

    def try_step(self, draw: Draw, name: str, place: int) -> bool:
        """Adds a step on the value at `place`, if the operation takes it and its result is tame."""
        operation, x = OPERATIONS[name], self.values[place]
        attributes = operation.attributes(draw, x.shape) if x.ndim else None
        if attributes is None:
            return False
        operands: list[int | Array] = [place]
        for _ in range(operation.more):
            same = [i for i, value in enumerate(self.values) if value.shape == x.shape]
            operands.append(pick(draw, same) if integer(draw, 0, 1) else constant(draw, *x.shape, high=3))
        arrays = [self.values[o] if isinstance(o, int) else o for o in operands]
        with np.errstate(all="ignore"):
            value = np.asarray(operation.numpy(*arrays, **attributes), np.float64)
            if self.form == "rounded":
                value = value.astype(np.float16).astype(np.float64)
            tame = np.all(np.abs(value) < MOST) and 0 < value.size <= 600 and value.ndim <= 5  # NaN isn't
            if not tame or not operation.smooth(*arrays, **attributes):
                return False
        self.steps.append(Step(name, operands, attributes))
        self.values.append(value)
        return True

    @property
    def results(self) -> list[int]:
        """Values that nothing reads."""
        read = {operand for step in self.steps for operand in step.operands if isinstance(operand, int)}
        return [i for i in range(self.inputs, len(self.values)) if i not in read]

    def saved(self, folder: Path) -> Path:
        """Writes the package."""
        kind = "fp16" if self.form == "rounded" else "fp32"

        def body(*inputs: Any) -> Any:
            made = [mb.cast(x=x, dtype=kind) if kind == "fp16" else x for x in inputs]
            for step in self.steps:
                made.append(written(step, made, kind))
            out = [made[i] for i in self.results]
            return tuple(
                mb.cast(x=x, dtype="fp32", name=f"out_{i}")
                if kind == "fp16"
                else mb.identity(x=x, name=f"out_{i}")
                for i, x in enumerate(out)
            )

        specs = [mb.TensorSpec(value.shape) for value in self.values[: self.inputs]]
        program = mb.program(input_specs=specs, opset_version=ct.target.iOS18)
        precision = ct.precision.FLOAT16 if self.form == "half" else ct.precision.FLOAT32
        path = folder / "random.mlpackage"
        with quiet():
            ct.convert(
                program(_with_arguments(body, len(specs))),
                minimum_deployment_target=ct.target.iOS18,
                compute_precision=precision,
                pass_pipeline=ct.PassPipeline.EMPTY if kind == "fp16" else None,
                skip_model_load=True,
            ).save(str(path))
        return path


def written(step: Step, made: list[Any], kind: str) -> Any:
    """One step by the MIL builder; numbers take the program's type."""
    number = np.float16 if kind == "fp16" else np.float32

    def typed(value: Any) -> Any:
        if isinstance(value, float):
            return number(value)
        return value.astype(number) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value

    operation = OPERATIONS[step.name]
    operands = [made[o] if isinstance(o, int) else typed(o) for o in step.operands]
    named = dict(zip("xyz", operands, strict=False))
    attributes = {name: typed(value) for name, value in step.attributes.items()}
    if operation.build is not None:
        return operation.build(**named, **attributes, dtype=kind)
    return getattr(mb, step.name)(**named, **attributes)


def _with_arguments(body: Any, count: int) -> Any:
    """`mb.program` counts a function's arguments."""
    one, two, three = (lambda a: body(a)), (lambda a, b: body(a, b)), (lambda a, b, c: body(a, b, c))
    return (one, two, three)[count - 1]


def check(program: Program) -> None:
    """Executes the saved package and compares each result with numpy's."""
    for step in program.steps:
        note(f"{step.name} {step.operands} {step.attributes}")
    given_inputs = {name: v.astype(np.float32) for name, v in zip("abc", program.values, strict=False)}
    with tempfile.TemporaryDirectory() as folder:
        model = mil.load(program.saved(Path(folder)))
        results = model.predict(
            {name: given_inputs[name] for name in model.inputs},
            rounding="none" if program.form == "half" else "declared",
        )
    for i, place in enumerate(program.results):
        wanted, found = program.values[place], results[f"out_{i}"]
        assert found.shape == (wanted.shape or (1,)) or found.shape == wanted.shape
        scale = max(1.0, float(np.abs(wanted).max()))
        tolerance = 2e-2 if program.form == "rounded" else 1e-3
        np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("form", FORMS)
@settings(
    max_examples=40 if WIDE else 2,
    suppress_health_check=list(HealthCheck),
    phases=[
        Phase.generate
    ],  # 70 steps that don't depend on each other: shrinking takes minutes and says little
)
@given(data=st.data())
def test_each_operation(form: str, data: st.DataObject) -> None:
    """Every operation of the table on a fresh input, all in one program."""
    program = Program(form)
    for shape in ((4, 6), (2, 4, 5), (1, 4, 6, 4)):
        # Between the sixteenths: rounding and comparing are far from their steps.
        program.add_input(constant(data.draw, *shape, low=0.125, high=1.5) + 1 / 32)
    missing = []
    for name in OPERATIONS:
        tries = (
            program.try_step(data.draw, name, place) for place in data.draw(st.permutations(range(3))) * 4
        )
        if not any(tries):
            missing.append(name)
    assert len(missing) < 8, missing
    check(program)


@pytest.mark.parametrize("form", FORMS)
@settings(
    max_examples=300 if WIDE else 6,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
@given(data=st.data())
def test_random_graphs(form: str, data: st.DataObject) -> None:
    """Operations on results of operations."""
    program = Program(form)
    for _ in range(integer(data.draw, 1, 2)):
        program.add_input(constant(data.draw, *pick(data.draw, SHAPES), low=-1.5, high=1.5))
    for _ in range(integer(data.draw, 1, 16)):
        name = pick(data.draw, sorted(OPERATIONS))
        program.try_step(data.draw, name, integer(data.draw, 0, len(program.values) - 1))
    if program.steps:
        check(program)
