"""Inputs for a package that says nothing of its data: what its interface and its program allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgekit.errors import DataError

if TYPE_CHECKING:
    import numpy as np

LENGTHS = (7, 13, 29, 61)  # primes: no other axis of a model is likely to be as long
SAMPLES = 8
# What an index may pass through on its way to a table.
_PASSING = ("cast", "reshape", "expand_dims", "squeeze", "identity", "transpose", "select", "slice_by_index")


def random_inputs(model: Any, *, seed: int = 0) -> list[dict[str, np.ndarray]]:
    """Eight feeds, at several lengths where axes are flexible; axes of the same range get the same length.

    Floats are standard normal, images random pixels, whole numbers rows of the table that they index, and
    masks (by their name) ones with zeros at the end.

    Raises:
        DataError: nothing in the program says which whole numbers an input takes.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    rows = {n: _rows(model, n) for n, f in model.inputs.items() if f.kind == "tensor" and _whole(f)}
    unknown = [n for n, count in rows.items() if count is None and "mask" not in n.lower()]
    if unknown:
        raise DataError(
            f"The input {unknown[0]!r} takes whole numbers, and the program doesn't say which.",
            remedy="Give inputs: --inputs file.npz, an array for each of the package's inputs by name.",
        )
    found = []
    for number in range(SAMPLES):
        shapes = _shapes(model.inputs, number)
        feed = {}
        for name, feature in model.inputs.items():
            shape = shapes[name]
            if feature.kind == "image":
                pixels = (shape[2], shape[3], 3) if shape[1] == 3 else (shape[2], shape[3])
                feed[name] = random.integers(0, 256, pixels).astype(np.uint8)
            elif name not in rows:
                feed[name] = random.standard_normal(shape).astype(np.float32)
            elif "mask" in name.lower():
                kept = max(1, shape[-1] - number % 3) if shape else 1
                feed[name] = np.broadcast_to(np.arange(shape[-1]) < kept, shape).astype(np.int32)
            else:
                feed[name] = random.integers(0, rows[name], shape).astype(np.int32)
        found.append(feed)
    return found


def _whole(feature: Any) -> bool:
    return not feature.dtype.startswith("float")


def _shapes(inputs: Mapping[str, Any], number: int) -> dict[str, tuple[int, ...]]:
    """The `number`-th allowed shape of each input."""
    found = {}
    for name, feature in inputs.items():
        if feature.shapes:
            found[name] = feature.shapes[number % len(feature.shapes)]
        elif feature.ranges:
            found[name] = tuple(_extent(low, high, number) for low, high in feature.ranges)
        else:
            found[name] = feature.shape
    return found


def _extent(low: int, high: int | None, number: int) -> int:
    wanted = LENGTHS[number % len(LENGTHS)]
    return max(low, min(wanted, high if high is not None else wanted))


def _rows(model: Any, name: str) -> int | None:
    """Rows of the smallest constant table that an input's numbers index; None when there is none."""
    found = []
    waiting = [model.program.inputs[name]]
    while waiting:
        var = waiting.pop()
        for op in var.child_ops:
            if op.op_type == "gather" and op.inputs["indices"] is var:
                table = op.inputs["x"]
                if table.op is not None and (
                    table.op.op_type == "const" or table.op.op_type[:9] == "constexpr"
                ):
                    found.append(int(table.shape[int(op.inputs["axis"].val)]))
            elif op.op_type in _PASSING:
                waiting.extend(op.outputs)
    return min(found, default=None)


def given_inputs(path: Any, names: Sequence[str]) -> list[dict[str, np.ndarray]]:
    """The feed of a user's `.npz` file.

    Raises:
        DataError: it can't be read, or doesn't hold exactly the package's inputs.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as stored:
            held = {name: stored[name] for name in stored.files}
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} can't be read: {error}", remedy="Write it with numpy.savez(path, name=array, …)."
        ) from error
    if set(held) != set(names):
        raise DataError(
            f"{path} holds {', '.join(sorted(held)) or 'nothing'}; the package takes {', '.join(names)}.",
            remedy="Save one array for each of the package's inputs, by its name.",
        )
    return [{name: held[name] for name in names}]
