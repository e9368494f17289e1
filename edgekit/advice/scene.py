"""What the rules look at: one function of a package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgekit.advice.lengths import resolve, shapes_at
from edgekit.advice.program import computed, walk
from edgekit.advice.weights import Weight, weights
from edgekit.errors import ModelError, first_line
from edgekit.mil import Model
from edgekit.mil.loading import READ_ERRORS

IOS16, IOS17 = 7, 8
TARGETS = {6: "iOS15", 7: "iOS16", 8: "iOS17", 9: "iOS18", 10: "iOS26"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A program, whose shapes `fix` sets."""

    model: Model
    function: Any  # the pymil Function
    operations: tuple[Any, ...]  # those that compute something when the program runs, nested ones too
    weights: tuple[Weight, ...]

    @property
    def opset(self) -> int:
        """coremltools' number of the deployment target; `TARGETS` has its name."""
        return int(self.function.opset_version)


def survey(model: Model) -> Scene:
    """Looks a model over, before any of its shapes is fixed.

    Only then does arithmetic on shapes count as something that runs, as it does on a device that is given
    many lengths.
    """
    function = model.program
    running = tuple(op for op in walk(function) if any(computed(var) for var in op.outputs))
    return Scene(model, function, running, weights(running))


def fix(scene: Scene, length: int | None) -> None:
    """Fixes the program's flexible shapes, in place; None fixes them to the package's default.

    Raises:
        ModelError: the model does not take this length, or its shapes don't fit together at it.
    """
    shapes = shapes_at(scene.model, length)
    if not any(feature.ranges or feature.shapes for feature in scene.model.inputs.values()):
        return
    try:
        resolve(scene.function, shapes)
    except READ_ERRORS as problem:  # whatever an operation's own shape inference raises
        at = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise ModelError(
            f"The shapes in {scene.model.path.name} don't fit together for {at}: {first_line(problem)}",
            remedy="Give another --length, one that fits all inputs at once.",
        ) from problem
