"""The weights of an exported decoder as its file stores them, and what else their blocks could hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_SUFFIX = "_to_fp16"  # coremltools' own; what compresses a constant adds more after it


@dataclass(frozen=True, slots=True)
class StoredWeight:
    """One constant. Blocks of a linear form lie along its last axis, or have a scale a row."""

    name: str  # the parameter's: with dots in ONNX, several joined by "+"; lower case with "_" in Core ML
    values: np.ndarray  # float32, as a runtime computes them
    steps: np.ndarray | None = None  # float32, of the shape of `values`; linear forms
    low: int = 0  # codes of a linear form
    high: int = 0
    tables: np.ndarray | None = None  # float32 [groups, entries], each for as many rows; palettes
    slack: float = 0.0  # relative error of what is stored as it is: scales, table entries, plain values
    least: float = 0.0  # and its absolute one

    def nearest(self, weight: np.ndarray) -> np.ndarray:
        """What the storage could hold that is nearest to `weight`, float32 of its shape."""
        import numpy as np

        if self.steps is not None:
            return np.clip(np.rint(weight / self.steps), self.low, self.high) * self.steps
        if self.tables is None:
            return weight
        rows = len(weight) // len(self.tables)
        found = np.empty_like(weight)
        for group, table in enumerate(np.sort(self.tables, -1)):
            part = slice(group * rows, (group + 1) * rows)
            # An entry is the nearest between the middles to its neighbours.
            found[part] = table[np.searchsorted((table[1:] + table[:-1]) / 2, weight[part])]
        return found


def read_stored(path: Path) -> Iterator[StoredWeight]:
    """Every constant of a decoder's ONNX file or package that may be a weight, one at a time.

    Raises:
        ModelError: there is no such file, or it is damaged.
    """
    return _coreml(path) if path.suffix == ".mlpackage" else _onnx(path)


def _onnx(path: Path) -> Iterator[StoredWeight]:
    import numpy as np
    import onnx_ir as ir

    from edgekit.errors import ModelError, first_line

    try:
        graph = ir.load(path).graph
    except Exception as error:
        raise ModelError(
            f"{path} is not a readable onnx model: {first_line(error)}",
            remedy="Export it again; the file may be cut short.",
        ) from error
    constants = graph.initializers
    for node in graph:
        inputs = [str(value.name) if value is not None else "" for value in node.inputs]
        codes = scales = ""
        if node.op_type == "MatMulNBits":
            codes, scales = inputs[1:3]
        elif node.op_type == "GatherBlockQuantized" and inputs[0] in constants:  # else a tied head's codes
            codes, scales = inputs[0], inputs[2]
        for name in inputs:
            if name in constants and name not in (codes, scales):
                array = _array(constants[name])
                turned = node.op_type == "MatMul"
                yield StoredWeight(name, (array.T if turned else array).astype(np.float32))
        if not codes:
            continue
        told = node.attributes
        bits, size = told["bits"].as_int(), told["block_size"].as_int()
        stored, by_block = _array(constants[codes]), _array(constants[scales])
        rows = stored.reshape(len(stored), -1)
        if bits == 4:
            rows = np.stack([rows & 15, rows >> 4], -1).reshape(len(rows), -1)
        middle = 2 ** (bits - 1)
        width = told["K"].as_int() if "K" in told else rows.shape[1]
        steps = np.repeat(by_block.reshape(len(rows), -1), size, 1)[:, :width]
        values = (rows[:, :width].astype(np.float32) - middle) * steps
        name = codes.removesuffix(".codes")
        # A scale may be negative: the lowest code is for the largest magnitude.
        yield StoredWeight(name, values, steps, -middle, middle - 1, slack=1e-6)


def _array(value: Any) -> np.ndarray:
    return value.const_value.numpy()


def _coreml(path: Path) -> Iterator[StoredWeight]:
    import numpy as np

    from edgekit.runtimes.coreml_program import open_program

    program = open_program(path).program
    told = np.finfo(np.float16)
    slack, least = float(told.eps), float(told.smallest_subnormal)
    for op in program.operations:
        name, _, more = op.outputs[0].name.lower().partition(_SUFFIX)
        given = {key: var.val for key, var in op.inputs.items() if hasattr(var, "val")}
        if op.op_type == "constexpr_blockwise_shift_scale":
            data = _plain(given["data"]).astype(np.float32)
            bits = given["data"].dtype.metadata
            steps = given["scale"].astype(np.float32)
            for axis, count in enumerate(data.shape):
                steps = np.repeat(steps, count // steps.shape[axis], axis)
            middle = 8 if bits else 128
            yield StoredWeight(name, data * steps, steps, -middle, middle - 1, slack=slack, least=least)
        elif op.op_type == "constexpr_lut_to_dense":
            indices = _plain(given["indices"])
            tables = given["lut"].astype(np.float32).reshape(-1, given["lut"].shape[-2])
            groups = np.arange(len(indices)) * len(tables) // len(indices)
            values = tables[groups.reshape(-1, *[1] * (indices.ndim - 1)), indices]
            yield StoredWeight(name, values, tables=tables, slack=slack, least=least)
        elif op.op_type == "const" and not more and getattr(op.outputs[0].val, "dtype", None) == np.float16:
            yield StoredWeight(name, op.outputs[0].val.astype(np.float32), slack=slack, least=least)


def _plain(codes: np.ndarray) -> np.ndarray:
    """Codes of fewer than 8 bits as whole bytes."""
    import numpy as np

    return codes.view(np.dtype(codes.dtype.str)).astype(np.int32)
