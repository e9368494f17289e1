"""A pytest plugin: coremltools' own op tests, with `MLModel.predict` answered by `edgekit.mil`.

    python -m pytest -p tests.mil.conformance_plugin PATH_OF_A_COREMLTOOLS_TEST_FILE

The tests compare predictions only on macOS, so the plugin tells them that they run there. Only cases whose
ML Program predicts are counted; those of the old neural-network format are deselected or skipped.
`--conformance-report FILE` also writes the counts and the failures as JSON.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

logging.getLogger("coremltools").setLevel(logging.ERROR)

import coremltools  # noqa: E402
import coremltools.converters.mil.testing_utils as testing_utils  # noqa: E402
import coremltools.models.model as model_module  # noqa: E402
import coremltools.models.utils as utils  # noqa: E402

import edgekit.mil as mil  # noqa: E402

MACOS = (15, 5)  # the newest system that the op tests of coremltools 9.0 tell apart
PREDICTED = "mil_predicted"

_running: list[pytest.Item] = []
_evaluators: dict[
    int, tuple[Any, Any]
] = {}  # id → (the MLModel, kept alive so that the id stays its own, ours)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance-report", default=None, help="write the conformance counts to this file")
    parser.addoption("--conformance-every", type=int, default=1, help="run only every Nth case: a sample")


def pytest_configure(config: pytest.Config) -> None:
    for module in (utils, model_module):
        module._is_macos = lambda: True
        module._macos_version = lambda: MACOS
    testing_utils._IS_MACOS = True
    coremltools.models.MLModel.predict = predict
    coremltools.models.MLModel.make_state = make_state


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    programs = [item for item in items if not _is_neural_network(item)]
    chosen = programs[:: config.getoption("--conformance-every")]
    config.hook.pytest_deselected(items=list(set(items) - set(chosen)))
    items[:] = chosen


def _is_neural_network(item: pytest.Item) -> bool:
    backend = getattr(getattr(item, "callspec", None), "params", {}).get("backend")
    name = backend[0] if isinstance(backend, tuple) else getattr(backend, "backend", None)
    return name == "neuralnetwork"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.pop()
        _evaluators.clear()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome == "failed":
        _results[report.nodeid] = report


_results: dict[str, pytest.TestReport] = {}


def predict(self: Any, data: dict[str, Any], state: Any = None) -> dict[str, Any]:
    """What `MLModel.predict` does on a Mac: checks and converts the inputs, then runs the program."""
    evaluator = _evaluator(self)
    self._verify_input_dict(data)
    self._convert_tensor_to_numpy(data)
    inputs = {name: _as_declared(evaluator, name, value) for name, value in data.items()}
    return evaluator.predict(inputs, state=None if state is None else state.__proxy__.state)


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
    if _running and (PREDICTED, True) not in _running[-1].user_properties:
        _running[-1].user_properties.append((PREDICTED, True))
    if id(model) not in _evaluators:
        loaded = mil.load(Path(model.package_path), function_name=model.function_name)
        _evaluators[id(model)] = (model, loaded)
    return _evaluators[id(model)][1]


def _as_declared(evaluator: Any, name: str, value: Any) -> Any:
    # The tests hand every input over as float32; Core ML converts it to what the program declares.
    feature = evaluator.inputs.get(name)
    if feature is None or feature.kind != "tensor" or not isinstance(value, np.ndarray):
        return value
    return value.astype(feature.dtype)


def summary() -> dict[str, Any]:
    """Counts of the cases that predicted, and the failures among them by cause."""
    predicted = {
        key: report for key, report in _results.items() if (PREDICTED, True) in report.user_properties
    }
    failed = {key: report for key, report in predicted.items() if report.outcome == "failed"}
    causes = Counter(_cause(report) for report in failed.values())
    return {
        "predicted": len(predicted),
        "passed": sum(report.outcome == "passed" for report in predicted.values()),
        "skipped": sum(report.outcome == "skipped" for report in predicted.values()),
        "failed": len(failed),
        "failed_before_predicting": sum(
            report.outcome == "failed" for key, report in _results.items() if key not in predicted
        ),
        "causes": dict(causes.most_common()),
        "failures": {key: _cause(report) for key, report in sorted(failed.items())},
    }


def _cause(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = (crash.message if crash else str(report.longrepr)).strip().splitlines() or ["no message"]
    text = " ".join(lines[:1] if "ModelError" in lines[0] else lines[:4])
    # Names, sizes and numbers differ from case to case; the kind of the failure doesn't.
    text = re.sub(r"Operation '[^']*'", "Operation", text)
    return re.sub(r"-?\d+(\.\d+)?(e[+-]?\d+)?", "N", text)[:160]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counts = summary()
    terminalreporter.section("Core ML op conformance")
    terminalreporter.write_line(
        f"{counts['passed']} of {counts['predicted']} predicting cases pass "
        f"({counts['failed']} fail, {counts['skipped']} skip; "
        f"{counts['failed_before_predicting']} others fail before they predict)"
    )
    for cause, count in counts["causes"].items():
        terminalreporter.write_line(f"{count:6d}  {cause}")
    target = config.getoption("--conformance-report")
    if target and not hasattr(config, "workerinput"):
        Path(target).write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
