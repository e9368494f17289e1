"""Programs whose tensors have a rank that is only known when they run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgekit.mil as mil

ct = pytest.importorskip("coremltools")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """y = fill(shape, 1.5), where `shape` has 1 to 4 entries."""
    from coremltools.converters.mil.mil import Builder as mb
    from coremltools.converters.mil.mil import Function, Program, get_new_symbol, types

    program = Program()
    placeholder = mb.placeholder(shape=(get_new_symbol(),), dtype=types.int32)
    with Function({"shape": placeholder}, opset_version=ct.target.iOS16) as function:
        function.set_outputs([mb.fill(shape=function.inputs["shape"], value=1.5, name="y")])
    program.add_function("main", function)
    path = tmp_path_factory.mktemp("fill") / "fill.mlpackage"
    model = ct.convert(
        program,
        source="milinternal",
        convert_to="mlprogram",
        inputs=[ct.TensorType(name="shape", shape=(ct.RangeDim(1, 4),))],
        minimum_deployment_target=ct.target.iOS16,
        skip_model_load=True,
    )
    model.save(str(path))
    return path


@pytest.mark.parametrize("shape", [(3,), (2, 1, 3), (1, 2, 3, 4)])
def test_a_fill_of_unknown_rank_takes_the_rank_of_its_input(package: Path, shape: tuple[int, ...]) -> None:
    (given,) = mil.load(package).predict({"shape": np.array(shape, np.int32)}).values()
    assert given.shape == shape
    np.testing.assert_array_equal(given, 1.5)
