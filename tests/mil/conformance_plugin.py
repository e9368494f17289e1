"""A pytest plugin: coremltools' own op tests, with `MLModel.predict` answered by `edgekit.mil`.

    python -m pytest -p tests.mil.conformance_plugin --conformance-results FILE COREMLTOOLS_TEST_FILE …

The tests compare predictions only on macOS, so the plugin tells them that they run there. What is executed
has been written as a `.mlpackage` by coremltools' converter, and read back from that file by its loader.

Every finished case becomes one JSON line of FILE; cases that FILE already holds are not run again, so that a
run can be stopped and resumed. Each case draws its inputs from a seed of its own, whatever ran before it.
"""

from __future__ import annotations

import gc
import itertools
import json
import logging
import os
import random
import types
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

logging.getLogger("coremltools").setLevel(logging.ERROR)

import coremltools  # noqa: E402
import coremltools.converters._converters_entry as converters  # noqa: E402
import coremltools.converters.mil.testing_utils as testing_utils  # noqa: E402
import coremltools.models.model as model_module  # noqa: E402
import coremltools.models.utils as utils  # noqa: E402
import torch  # noqa: E402

import edgekit.mil as mil  # noqa: E402
from edgekit.errors import ModelError  # noqa: E402

MACOS = (15, 5)  # the newest system that the op tests of coremltools 9.0 tell apart
PREDICTED = ("mil_predicted", True)
HALF = ("mil_half", True)
ERROR = "mil_error"  # of a comparison that held
MISS = "mil_miss"  # of one that didn't, which is what some tests expect
OUT_OF_BOUNDS = "got an index in"  # in the error for an index that `validate_indices` refuses

_running: list[pytest.Item] = []
# id → (the MLModel, kept alive so that the id stays its own, ours)
_evaluators: dict[int, tuple[Any, Any]] = {}
_predicted: dict[str, Any] = {}  # the last prediction
_compare_backend = testing_utils.compare_backend


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance-results", help="append one JSON line per case; skip those it holds")
    parser.addoption("--conformance-every", type=int, default=1, help="run only every Nth case: a sample")
    parser.addoption("--conformance-single", action="store_true", help="run only single-precision cases")


def pytest_configure(config: pytest.Config) -> None:
    for module in (utils, model_module):
        module._is_macos = lambda: True
        module._macos_version = lambda: MACOS
    testing_utils._IS_MACOS = True
    testing_utils.compare_backend = compare_backend
    coremltools.models.MLModel.predict = predict
    coremltools.models.MLModel.make_state = make_state
    # Every conversion ends with a full collection, which takes three times as long as the conversion.
    converters.gc = types.SimpleNamespace(collect=lambda: 0)
    results = config.getoption("--conformance-results")
    if results is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Recorder(Path(results)), "conformance-recorder")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    single = config.getoption("--conformance-single")
    programs = [item for item in items if _wanted(*_backend(item), single=single)]
    sample = programs[:: config.getoption("--conformance-every")]
    held = {entry["case"] for entry in read_results(config.getoption("--conformance-results"))}
    chosen = [item for item in sample if item.nodeid not in held]
    config.hook.pytest_deselected(items=list(set(items) - set(chosen)))
    items[:] = chosen


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # what was imported and collected stays: no later collection need walk through it


def read_results(path: str | Path | None) -> list[dict[str, Any]]:
    """The finished cases in a result file; none when there is no such file."""
    if path is None or not Path(path).exists():
        return []
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def _wanted(backend: str, precision: str, *, single: bool) -> bool:
    return backend != "neuralnetwork" and (precision == "fp32" or not single)


def _backend(item: pytest.Item) -> tuple[str, str]:
    """The format and the precision that a case is parametrized with, if it is."""
    backend = getattr(getattr(item, "callspec", None), "params", {}).get("backend")
    if isinstance(backend, tuple):
        return backend
    return getattr(backend, "backend", ""), getattr(backend, "precision", "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    _running.append(item)
    seed = zlib.crc32(item.nodeid.encode())
    np.random.seed(seed)  # what the tests draw from
    random.seed(seed)
    torch.manual_seed(seed)
    try:
        return (yield)
    finally:
        _running.pop()
        _evaluators.clear()


def predict(self: Any, data: dict[str, Any], state: Any = None) -> dict[str, Any]:
    """What `MLModel.predict` does on a Mac: checks and converts the inputs, then runs the program."""
    evaluator = _evaluator(self)
    self._verify_input_dict(data)
    self._convert_tensor_to_numpy(data)
    inputs = {name: _as_declared(evaluator, name, value) for name, value in data.items()}
    seed = int(np.random.randint(1 << 31))  # from the case's own seed
    held = None if state is None else state.__proxy__.state
    try:
        outputs = evaluator.predict(inputs, state=held, seed=seed)
    except ModelError as refused:
        if OUT_OF_BOUNDS not in refused.fact:
            raise
        # A Mac says no more than this of any refusal, and the tests of `validate_indices` look for it.
        text = f"Unable to compute the prediction using ML Program: {refused.fact}"
        raise RuntimeError(text) from refused
    _predicted.update(outputs)
    return outputs


def make_state(self: Any) -> Any:
    """A coremltools `MLState` over the evaluator's own state."""
    return model_module.MLState(_StateProxy(_evaluator(self).make_state()))


class _StateProxy:
    def __init__(self, state: Any) -> None:
        self.state = state

    def read_state(self, name: str) -> np.ndarray:
        return self.state.read(name)

    def write_state(self, name: str, value: np.ndarray) -> None:
        self.state.write(name, value)


def _evaluator(model: Any) -> Any:
    if model._spec.WhichOneof("Type") != "mlProgram":
        pytest.skip("a neural-network model")
    if _running and PREDICTED not in _running[-1].user_properties:
        _running[-1].user_properties.append(PREDICTED)
        if _holds_half(model._spec.mlProgram):
            _running[-1].user_properties.append(HALF)
    if id(model) not in _evaluators:
        loaded = mil.load(Path(model.package_path), function_name=model.function_name)
        _evaluators[id(model)] = (model, loaded)
    return _evaluators[id(model)][1]


def _holds_half(program: Any) -> bool:
    half = coremltools.proto.MIL_pb2.DataType.Value("FLOAT16")
    functions = program.functions.values()
    blocks = (block for function in functions for block in function.block_specializations.values())
    made = (out for block in blocks for operation in block.operations for out in operation.outputs)
    given = (value for function in functions for value in function.inputs)
    return any(value.type.tensorType.dataType == half for value in itertools.chain(given, made))


def _as_declared(evaluator: Any, name: str, value: Any) -> Any:
    # The tests hand every input over as float32; Core ML converts it to what the program declares.
    feature = evaluator.inputs.get(name)
    if feature is None or feature.kind != "tensor" or not isinstance(value, np.ndarray):
        return value
    return value.astype(feature.dtype)


def compare_backend(
    mlmodel: Any, input_key_values: Any, expected_outputs: Any, *args: Any, **options: Any
) -> Any:
    """coremltools' comparison, which also notes how large the error was beside the expected values."""
    _predicted.clear()
    key = MISS
    try:
        outputs = _compare_backend(mlmodel, input_key_values, expected_outputs, *args, **options)
        key = ERROR
        return outputs
    finally:
        if _predicted and expected_outputs and _running:
            for name, expected in expected_outputs.items():
                given = testing_utils._get_coreml_out_from_dict(_predicted, name)
                if isinstance(given, np.ndarray) and given.size == np.size(expected):
                    _running[-1].user_properties.append((key, scaled_error(given, expected)))


def scaled_error(given: np.ndarray, expected: Any) -> float:
    """The largest absolute error over the largest expected magnitude, which counts as 1e-3 at least.

    Infinite and not-a-number values must be equal, or the error is infinite.
    """
    given = np.asarray(given, np.float64)
    expected = np.asarray(expected, np.float64).reshape(given.shape)
    finite = np.isfinite(expected) & np.isfinite(given)
    if not np.array_equal(given[~finite], expected[~finite], equal_nan=True):
        return float("inf")
    if not finite.any():
        return 0.0
    largest = max(float(np.abs(expected[finite]).max()), 1e-3)
    return float(np.abs(given[finite] - expected[finite]).max()) / largest


class _Recorder:
    """Writes the finished cases, in the process that directs the others."""

    def __init__(self, results: Path) -> None:
        self._results = results
        _drop_half_line(results)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        properties = [tuple(entry) for entry in report.user_properties]
        counted = (ERROR,) if report.outcome == "passed" else (ERROR, MISS)
        errors = [float(str(value)) for key, value in properties if key in counted]
        entry = {
            "case": report.nodeid,
            "outcome": report.outcome,
            "predicted": PREDICTED in properties,
            "half": HALF in properties,  # the program holds half-precision tensors
            "error": max(errors, default=None),
            "seconds": round(report.duration, 4),
            "message": "" if report.outcome == "passed" else _message(report),
        }
        with self._results.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")


def _drop_half_line(path: Path) -> None:
    """A run that was stopped may have written half a line."""
    if path.exists():
        written = path.read_bytes()
        os.truncate(path, written.rfind(b"\n") + 1)


def _message(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):  # a skip: path, line, reason
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else str(report.longrepr)).strip()[:2000]
