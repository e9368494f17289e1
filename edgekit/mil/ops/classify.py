"""The classifier's last operation."""

from __future__ import annotations

from edgekit.errors import ModelError
from edgekit.mil.call import Call, Kernel, Value


def classify(call: Call) -> tuple[Value, Value]:
    """The most probable label (the first of equals) and a dictionary from label to probability.

    Probabilities are flattened in row-major order; one per class.
    """
    classes = call["classes"]
    probabilities = call["probabilities"].flatten().tolist()
    if len(classes) != len(probabilities):
        raise ModelError(
            f"Operation {call.name!r} has {len(classes)} classes for {len(probabilities)} probabilities.",
            remedy="Convert the model again with a class list of the right length.",
        )
    best = max(range(len(classes)), key=probabilities.__getitem__)
    return classes[best], dict(zip(classes, probabilities, strict=True))


OPS: dict[str, Kernel] = {"classify": classify}
