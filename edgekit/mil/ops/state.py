"""States (iOS18): values that outlive a prediction. A state input arrives as the state's name."""

from __future__ import annotations

from edgekit.mil.call import Call, Kernel, Value


def read_state(call: Call) -> Value:
    """The state's content. Later writes replace the tensor, so no copy is needed."""
    return call.states[call["input"]]


def coreml_update_state(call: Call) -> Value:
    """Writes `value` into the state and returns it; the loader merges a write and the read after it."""
    call.states[call["state"]] = call["value"]
    return call["value"]


OPS: dict[str, Kernel] = {
    "coreml_update_state": coreml_update_state,
    "read_state": read_state,
}
