"""Runs a plan: one prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import torch

from edgekit.errors import ModelError
from edgekit.mil.call import Call, Value
from edgekit.mil.constants import Constants
from edgekit.mil.describe import place, scope
from edgekit.mil.plan import BlockPlan, Plan, Step
from edgekit.mil.rounding import Rounding, settle

# Called with the pymil operation, its inputs and its outputs.
Observer = Callable[[Any, dict[str, Value], tuple[Value, ...]], None]

# What torch and Python raise on values that an operation can't take.
KERNEL_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Execution:
    """The live values of one prediction.

    Args:
        plan: the function's steps.
        constants: its weights, shared between predictions.
        states: state name → tensor; written as the program writes.
        rounding: "declared" rounds every half-precision output, "none" rounds nothing.
        rng: what random operations without a seed of their own draw from.
        observer: called after every step with the operation, its inputs and its outputs.
    """

    def __init__(
        self,
        plan: Plan,
        constants: Constants,
        states: MutableMapping[str, torch.Tensor],
        *,
        rounding: Rounding,
        rng: torch.Generator,
        observer: Observer | None = None,
    ) -> None:
        self._plan = plan
        self._constants = constants
        self._states = states
        self._declared = rounding == "declared"
        self._rng = rng
        self._observer = observer
        self._live: list[Value] = [None] * plan.slots

    def run(self, inputs: Mapping[str, Value]) -> dict[str, Value]:
        """Executes the function.

        Raises:
            ModelError: an operation can't take its inputs; says its type, name, place and source scope.
        """
        for name, (slot, kind) in self._plan.inputs.items():
            self._live[slot] = settle(inputs[name], kind, round_half=self._declared)
        with torch.inference_mode():
            self._steps(self._plan.main)
            return {name: self._fetch(source) for name, source in self._plan.outputs.items()}

    def _steps(self, block: BlockPlan) -> None:
        live = self._live
        for step in block.steps:
            try:
                inputs = self._inputs(step)
                call = Call(step.op, inputs, step.outputs, self._run_block, self._states, self._rng)
                returned = step.kernel(call)
            except KERNEL_ERRORS as problem:
                raise self._failed(step, problem) from problem
            values = returned if isinstance(returned, tuple) else (returned,)
            if len(values) != len(step.results):
                raise self._failed(step, ValueError(f"{len(values)} results for {len(step.results)} outputs"))
            rounds = self._declared and step.round_half
            for value, (slot, kind) in zip(values, step.results, strict=True):
                live[slot] = settle(value, kind, round_half=rounds)
            if self._observer is not None:
                self._observer(step.op, inputs, tuple(live[slot] for slot, _ in step.results))
            for slot in step.dead:
                live[slot] = None

    def _inputs(self, step: Step) -> dict[str, Value]:
        if step.fixed is None:
            step.fixed = {name: self._constant(source) for name, source in step.constants}
        inputs = dict(step.fixed)
        for name, slot in step.values:
            inputs[name] = self._live[slot]
        for name, sources in step.tuples:
            inputs[name] = tuple(self._fetch(source) for source in sources)
        return inputs

    def _constant(self, source: Any) -> Value:
        if isinstance(source, str):  # a state's name
            return source
        if isinstance(source, tuple):
            return tuple(self._constants(var) for var in source)
        return self._constants(source)

    def _fetch(self, source: Any) -> Value:
        return self._live[source] if isinstance(source, int) else self._constants(source)

    def _run_block(self, block: Any, inputs: Mapping[str, Value] | Sequence[Value]) -> tuple[Value, ...]:
        planned = self._plan.blocks[id(block)]
        given = list(inputs.values()) if isinstance(inputs, Mapping) else inputs
        for slot, value in zip(planned.inputs, given, strict=True):
            self._live[slot] = value
        self._steps(planned)
        results = tuple(self._fetch(source) for source in planned.outputs)
        for slot in planned.locals:
            self._live[slot] = None
        return results

    def _failed(self, step: Step, problem: Exception) -> ModelError:
        if isinstance(problem, ModelError):
            return problem
        detail = str(problem).strip().splitlines()
        return ModelError(
            f"Operation {step.op.name!r} of type {step.op.op_type!r} can't be executed: "
            f"{type(problem).__name__}: {detail[0] if detail else 'no detail'} "
            f"({place(step.op, self._plan.function)}; source: {scope(step.op)}).",
            remedy="Compare the operation's inputs with what its MIL documentation allows.",
        )
