"""From a pymil function to steps: which kernel, which values go in and come out, and which die afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from edgekit.errors import ModelError
from edgekit.mil.call import Kernel
from edgekit.mil.constants import is_constant
from edgekit.mil.describe import place, scope
from edgekit.mil.ops import OPS
from edgekit.mil.rounding import MOVES, type_name

HALF = "fp16"


@dataclass(slots=True)
class Step:
    """One operation, ready to run. A slot is a place in the list of live values of one prediction."""

    op: Any
    kernel: Kernel
    outputs: tuple[Any, ...]  # pymil Vars
    results: tuple[tuple[int, str], ...]  # per output: its slot and MIL type
    round_half: bool  # False when the outputs are copies of values that are already rounded
    values: tuple[tuple[str, int], ...]  # input name → slot
    tuples: tuple[tuple[str, tuple[Any, ...]], ...]  # variadic input name → slots and constant Vars
    constants: tuple[tuple[str, Any], ...]  # input name → constant Var, or tuple of them, or a state's name
    fixed: dict[str, Any] | None = None  # the constants' values, filled when the step first runs
    dead: tuple[int, ...] = ()  # slots that no later step reads


@dataclass(slots=True)
class BlockPlan:
    """The steps of one block, nested blocks having plans of their own."""

    inputs: tuple[int, ...]  # slots, in the block's order
    outputs: tuple[Any, ...]  # slots, or constant Vars
    steps: list[Step] = field(default_factory=list)
    locals: tuple[int, ...] = ()  # slots that mean nothing outside the block


@dataclass(slots=True)
class Plan:
    """A function's steps."""

    function: str
    main: BlockPlan
    inputs: dict[str, tuple[int, str]]  # input name → slot and MIL type; states are not among them
    outputs: dict[str, Any]  # output name → slot, or constant Var
    output_types: dict[str, str]
    blocks: dict[int, BlockPlan]  # id of a nested pymil block → its plan
    slots: int


def plan(function: Any, name: str) -> Plan:
    """Plans a pymil function once.

    Raises:
        ModelError: an operation has no kernel; says its type, name, place and source scope.
    """
    return _Planner(name).function(function)


class _Planner:
    def __init__(self, function: str) -> None:
        self._function = function
        self._slots: dict[int, int] = {}
        self._blocks: dict[int, BlockPlan] = {}

    def function(self, function: Any) -> Plan:
        inputs = {
            name: (self._slot(var), type_name(var))
            for name, var in function.inputs.items()
            if type_name(var) != "state"
        }
        main = self._block(function, tuple(slot for slot, _ in inputs.values()))
        outputs = {var.name: self._source(var) for var in function.outputs}
        kinds = {var.name: type_name(var) for var in function.outputs}
        return Plan(self._function, main, inputs, outputs, kinds, self._blocks, len(self._slots))

    def _block(self, block: Any, inputs: tuple[int, ...]) -> BlockPlan:
        planned = BlockPlan(inputs, tuple(self._source(var) for var in block.outputs))
        for op in block.operations:
            if op.op_type == "const" or op.op_type.startswith("constexpr_"):
                continue
            for nested in op.blocks:
                slots = tuple(self._slot(var) for var in nested.inputs)
                self._blocks[id(nested)] = self._block(nested, slots)
            planned.steps.append(self._step(op))
        self._find_dead(planned)
        return planned

    def _step(self, op: Any) -> Step:
        kernel = OPS.get(op.op_type)
        if kernel is None:
            raise ModelError(
                f"Operation {op.name!r} has the type {op.op_type!r}, which has no kernel here "
                f"({place(op, self._function)}; source: {scope(op)}).",
                remedy="Run the package on a Mac, or convert the model without that operation.",
            )
        values: list[tuple[str, int]] = []
        tuples: list[tuple[str, tuple[Any, ...]]] = []
        constants: list[tuple[str, Any]] = []
        for name, source in op.inputs.items():
            if isinstance(source, list | tuple):
                if all(is_constant(var) for var in source):
                    constants.append((name, tuple(source)))
                else:
                    tuples.append((name, tuple(self._source(var) for var in source)))
            elif is_constant(source):
                constants.append((name, source))
            elif type_name(source) == "state":
                constants.append((name, source.name))
            else:
                values.append((name, self._slot(source)))
        moves = op.op_type in MOVES and all(type_name(var) != "fp32" for var in op.get_flattened_inputs())
        return Step(
            op,
            kernel,
            tuple(op.outputs),
            tuple((self._slot(var), type_name(var)) for var in op.outputs),
            not moves,
            tuple(values),
            tuple(tuples),
            tuple(constants),
        )

    def _find_dead(self, block: BlockPlan) -> None:
        made = {slot for step in block.steps for slot, _ in step.results} | set(block.inputs)
        block.locals = tuple(made)
        alive = {source for source in block.outputs if isinstance(source, int)}
        for step in reversed(block.steps):
            touched = set(self._reads(step)) | {slot for slot, _ in step.results}
            step.dead = tuple((touched & made) - alive)
            alive |= touched

    def _reads(self, step: Step) -> Iterator[int]:
        yield from (slot for _, slot in step.values)
        for _, sources in step.tuples:
            yield from (source for source in sources if isinstance(source, int))
        for nested in step.op.blocks:
            inner = self._blocks[id(nested)]
            yield from (source for source in inner.outputs if isinstance(source, int))
            for nested_step in inner.steps:
                yield from self._reads(nested_step)

    def _source(self, var: Any) -> Any:
        return var if is_constant(var) else self._slot(var)

    def _slot(self, var: Any) -> int:
        return self._slots.setdefault(id(var), len(self._slots))
