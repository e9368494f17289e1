"""Real ONNX files whose answers are known by hand and whose work is set at will."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pytest

from edgekit.benchmark.contestant import Contestant
from edgekit.codec import dumps
from edgekit.runtimes import open_runner
from edgekit.runtimes.runner import Runner
from edgekit.types import Batch, Signature, TensorSpec

VOCABULARY = 64
SIGNATURE = Signature(
    task="text-classification",
    inputs=(TensorSpec("input_ids", ("batch", "sequence"), "int64"),),
    outputs=(TensorSpec("logits", ("batch", 2), "float32"),),
    labels=("even", "odd"),
    max_length=32,
)


def encode(text: str) -> Batch:
    """ "7 3 12" → its numbers as token ids, `[1, L]`."""
    return {"input_ids": np.array([[int(word) for word in text.split()]], dtype=np.int64)}


def write_parity_model(
    path: Path, *, width: int, layers: int, wrong: Collection[int] = (), broken: Collection[int] = ()
) -> Path:
    """A model that says whether a row's first token is odd, after `layers` matrix products of no effect.

    Args:
        wrong: tokens for which it gives the other answer.
        broken: tokens for which its logits are NaN.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    answers = np.eye(2, dtype=np.float32)[[(v + (v in wrong)) % 2 for v in range(VOCABULARY)]]
    answers[list(broken)] = np.nan
    constants = {
        "first": np.array(0, dtype=np.int64),
        "answers": answers,
        "embedding": np.full((VOCABULARY, width), 0.5, dtype=np.float32),
        "nothing": np.zeros((width, 2), dtype=np.float32),
    }
    nodes = [
        helper.make_node("Gather", ["input_ids", "first"], ["token"], axis=1),
        helper.make_node("Gather", ["answers", "token"], ["answer"]),
        helper.make_node("Gather", ["embedding", "token"], ["hidden_0"]),
    ]
    for layer in range(layers):
        constants[f"weight_{layer}"] = np.full((width, width), 1 / width, dtype=np.float32)
        nodes.append(
            helper.make_node("MatMul", [f"hidden_{layer}", f"weight_{layer}"], [f"hidden_{layer + 1}"])
        )
    nodes.append(helper.make_node("MatMul", [f"hidden_{layers}", "nothing"], ["zeros"]))
    nodes.append(helper.make_node("Add", ["answer", "zeros"], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "parity",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"edgekit.signature": dumps(SIGNATURE)})
    onnx.save(model, path)
    return path


class LoggedRunner:
    """Passes calls on to a real runner, and tells `on_call` of each one."""

    def __init__(self, runner: Runner, on_call: Callable[[Batch], None]) -> None:
        self.name, self.signature = runner.name, runner.signature
        self._runner, self._on_call = runner, on_call

    def run(self, batch: Batch) -> dict[str, np.ndarray]:
        self._on_call(batch)
        return self._runner.run(batch)


@pytest.fixture
def make_contestant(tmp_path: Path) -> Callable[..., Contestant]:
    """Writes a model and enters it: `make_contestant("small", width=8, layers=1, wrong={3})`."""

    def make(
        name: str,
        *,
        width: int = 8,
        layers: int = 1,
        wrong: Collection[int] = (),
        broken: Collection[int] = (),
        encode: Callable[[str], Batch] = encode,
        on_call: Callable[[Batch], None] | None = None,
    ) -> Contestant:
        path = write_parity_model(
            tmp_path / f"{name}.onnx", width=width, layers=layers, wrong=wrong, broken=broken
        )
        runner = open_runner(path)
        return Contestant(
            name=name,
            runner=LoggedRunner(runner, on_call) if on_call else runner,
            encode=encode,
            path=path,
            parameters=layers * width * width,
            size_bytes=path.stat().st_size,
            sha256="0" * 64,
        )

    return make
