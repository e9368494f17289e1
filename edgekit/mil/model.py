"""A loaded package, ready to predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edgekit.errors import ModelError
from edgekit.mil.constants import Constants
from edgekit.mil.describe import Feature, FunctionDescription
from edgekit.mil.execute import Execution, Observer
from edgekit.mil.inputs import give, take
from edgekit.mil.plan import Plan, plan
from edgekit.mil.rounding import Rounding, check_mode
from edgekit.mil.state import State


@dataclass(slots=True)
class _Loaded:
    program_function: Any  # the pymil Function
    plan: Plan
    constants: Constants


class Model:
    """An ML Program that predicts by reference semantics: what MIL documents, not what a device does.

    Args:
        path: the package.
        functions: the interface of every function.
        function_name: the function that predicts.
        read: reads one function's program; called once.
    """

    def __init__(
        self,
        path: Path,
        functions: dict[str, FunctionDescription],
        function_name: str,
        read: Callable[[str], Any],
    ) -> None:
        self.path = path
        self.functions = functions
        self.function_name = function_name
        program_function = read(function_name)
        self._loaded = _Loaded(program_function, plan(program_function, function_name), Constants())

    @property
    def description(self) -> FunctionDescription:
        """The interface of the function that predicts."""
        return self.functions[self.function_name]

    @property
    def inputs(self) -> dict[str, Feature]:
        """Input name → what it takes."""
        return self.description.inputs

    @property
    def outputs(self) -> dict[str, Feature]:
        """Output name → what it gives."""
        return self.description.outputs

    @property
    def program(self) -> Any:
        """The pymil function, for reading. Large weights leave it once they are used."""
        return self._loaded.program_function

    def make_state(self) -> State:
        """A new state, all zeros, to pass to `predict` again and again.

        Raises:
            ModelError: the model has no state.
        """
        if not self.description.states:
            raise ModelError(
                f"The function {self.function_name!r} of {self.path.name} has no state.",
                remedy="Call predict without a state.",
            )
        return State(self.description.states)

    def predict(
        self,
        inputs: Mapping[str, Any],
        state: State | None = None,
        rounding: Rounding = "declared",
        *,
        seed: int | None = None,
        observer: Observer | None = None,
    ) -> dict[str, Any]:
        """Executes the function.

        Args:
            inputs: input name → array, tensor, number, or image.
            state: from `make_state`; needed when the model has states, and changed by the call.
            rounding: "declared" rounds every result to the type that the program declares; "none" keeps
                float32 throughout, which tells lost precision from a wrong conversion.
            seed: makes random operations that have no seed of their own repeatable.
            observer: called after every operation with the operation, its inputs and its outputs.

        Returns:
            Output name → numpy array in the declared type, class label, or dictionary of probabilities.

        Raises:
            ModelError: the inputs don't fit, or an operation can't be executed.
        """
        check_mode(rounding)
        missing = set(self.description.states) - set(state or ())
        if missing:
            raise ModelError(
                f"{self.path.name} keeps the state {', '.join(sorted(missing))}, and none was given.",
                remedy="Make one with model.make_state() and pass it to every predict of the sequence.",
            )
        rng = torch.Generator()
        if seed is None:
            rng.seed()
        else:
            rng.manual_seed(seed)
        execution = Execution(
            self._loaded.plan,
            self._loaded.constants,
            state if state is not None else {},
            rounding=rounding,
            rng=rng,
            observer=observer,
        )
        results = execution.run(take(self.description, inputs))
        rounded = rounding == "declared"
        return {name: give(self.outputs.get(name), value, rounded=rounded) for name, value in results.items()}
