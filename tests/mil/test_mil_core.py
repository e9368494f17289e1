"""Whole packages, built and saved here, executed by the evaluator and compared with numpy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import get_new_symbol, types

import edgekit.mil as mil
from edgekit.errors import ModelError
from edgekit.quiet import quiet

Convert = Callable[..., Path]


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    """Converts a MIL program and returns the saved package's path."""

    def converted(program: Any, **options: Any) -> Path:
        options = {"minimum_deployment_target": ct.target.iOS18} | options
        path = tmp_path / "model.mlpackage"
        with quiet():
            ct.convert(program, convert_to="mlprogram", **options).save(str(path))
        return path

    return converted


def spec(*shape: Any, dtype: Any = types.fp32) -> Any:
    return mb.TensorSpec(shape, dtype)


class TestRounding:
    def package(self, convert: Convert) -> Path:
        @mb.program(input_specs=[spec(2)], opset_version=ct.target.iOS18)
        def program(x: Any) -> Any:
            return mb.sub(x=mb.add(x=x, y=np.float32(2048.0)), y=np.float32(2048.0), name="out")

        return convert(program, compute_precision=ct.precision.FLOAT16)

    def test_declared_rounds_every_half_precision_result(self, convert: Convert) -> None:
        # float16 has steps of 2 above 2048 and ties go to even, so the sum loses the 1 and the 0.5.
        result = mil.load(self.package(convert)).predict({"x": np.array([1.0, 2.5], np.float32)})
        np.testing.assert_array_equal(result["out"], [0.0, 2.0])

    def test_none_keeps_single_precision(self, convert: Convert) -> None:
        result = mil.load(self.package(convert)).predict({"x": np.array([1.0, 2.5])}, rounding="none")
        np.testing.assert_array_equal(result["out"], [1.0, 2.5])

    def test_another_mode_is_refused(self, convert: Convert) -> None:
        with pytest.raises(ModelError, match="'nearest' is not a rounding mode"):
            mil.load(self.package(convert)).predict({"x": np.zeros(2)}, rounding="nearest")  # type: ignore[arg-type]

    def test_overflow_becomes_infinity(self, convert: Convert) -> None:
        @mb.program(input_specs=[spec(1)], opset_version=ct.target.iOS18)
        def program(x: Any) -> Any:
            return mb.mul(x=x, y=x, name="out")

        model = mil.load(convert(program, compute_precision=ct.precision.FLOAT16))
        assert model.predict({"x": np.array([300.0])})["out"] == [np.inf]
        assert model.predict({"x": np.array([300.0])}, rounding="none")["out"] == [90000.0]


class TestInputs:
    @pytest.fixture
    def model(self, convert: Convert) -> mil.Model:
        length = get_new_symbol()
        specs = [spec(1, length), spec(1, length, dtype=types.int32)]

        @mb.program(input_specs=specs, opset_version=ct.target.iOS18)
        def program(x: Any, n: Any) -> Any:
            return mb.add(x=x, y=mb.cast(x=n, dtype="fp32"), name="out")

        shape = (1, ct.RangeDim(2, 6, default=4))
        return mil.load(
            convert(
                program,
                compute_precision=ct.precision.FLOAT32,
                inputs=[ct.TensorType("x", shape), ct.TensorType("n", shape, dtype=np.int32)],
            )
        )

    def test_lengths_in_range_run_and_tensors_are_taken(self, model: mil.Model) -> None:
        for length in (2, 6):
            result = model.predict({"x": torch.ones(1, length), "n": [[3] * length]})
            np.testing.assert_array_equal(result["out"], np.full((1, length), 4, np.float32))
            assert result["out"].dtype == np.float32

    @pytest.mark.parametrize(
        ("inputs", "message"),
        [
            ({"x": np.ones((1, 4))}, "'n' is missing"),
            ({"x": np.ones((1, 4)), "n": np.ones((1, 4)), "y": 1}, "'y' is not an input"),
            ({"x": np.ones((1, 7)), "n": np.ones((1, 4))}, r"\[1, 7\]; the model takes \[1, 2..6\]"),
            ({"x": np.ones((4,)), "n": np.ones((1, 4))}, r"'x' has shape \[4\]"),
            ({"x": np.ones((1, 4)), "n": np.full((1, 4), 0.5)}, "'n' must hold whole numbers"),
            (
                {"x": np.ones((1, 4)), "n": np.full((1, 4), 2**40)},
                "'n' must hold whole numbers that fit int32",
            ),
            ({"x": np.array([["a"] * 4]), "n": np.ones((1, 4))}, "'x' holds <U1, not numbers"),
        ],
    )
    def test_what_does_not_fit_is_named(self, model: mil.Model, inputs: dict[str, Any], message: str) -> None:
        with pytest.raises(ModelError, match=message):
            model.predict(inputs)

    def test_unequal_lengths_fail_at_the_operation(self, model: mil.Model) -> None:
        with pytest.raises(ModelError, match=r"Operation 'out' of type 'add' .*operation \d+ of \d+ in main"):
            model.predict({"x": np.ones((1, 4)), "n": np.ones((1, 5))})

    def test_enumerated_shapes(self, convert: Convert) -> None:
        @mb.program(input_specs=[spec(1, get_new_symbol())], opset_version=ct.target.iOS18)
        def program(x: Any) -> Any:
            return mb.relu(x=x, name="out")

        shapes = ct.EnumeratedShapes([(1, 4), (1, 8)])
        model = mil.load(convert(program, inputs=[ct.TensorType("x", shapes)]))
        assert model.predict({"x": np.ones((1, 8))})["out"].shape == (1, 8)
        with pytest.raises(ModelError, match=r"takes \[1, 4\] or \[1, 8\]"):
            model.predict({"x": np.ones((1, 6))})

    def test_images_arrive_as_planes(self, convert: Convert) -> None:
        from PIL import Image

        def program(x: Any) -> Any:
            return mb.identity(x=x, name="out")

        pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
        for layout, channels in (("RGB", [0, 1, 2]), ("BGR", [2, 1, 0])):
            image = ct.ImageType("x", shape=(1, 3, 2, 4), scale=0.5, bias=[1, 1, 1], color_layout=layout)
            # Converting writes scale and bias into the program, so each layout needs its own.
            fresh = mb.program(input_specs=[spec(1, 3, 2, 4)], opset_version=ct.target.iOS18)(program)
            model = mil.load(convert(fresh, inputs=[image], compute_precision=ct.precision.FLOAT32))
            wanted = pixels.transpose(2, 0, 1)[None, channels] * 0.5 + 1
            for given in (Image.fromarray(pixels), pixels):
                np.testing.assert_array_equal(model.predict({"x": given})["out"], wanted)
            with pytest.raises(ModelError, match="takes PIL mode 'RGB'; the image has 'L'"):
                model.predict({"x": Image.new("L", (4, 2))})


class TestOutputs:
    def test_a_classifier_gives_its_label_and_probabilities(self, convert: Convert) -> None:
        @mb.program(input_specs=[spec(1, 3)], opset_version=ct.target.iOS18)
        def program(x: Any) -> Any:
            return mb.softmax(x=x, axis=-1, name="probabilities")

        path = convert(program, classifier_config=ct.ClassifierConfig(["cat", "dog", "owl"]))
        result = mil.load(path).predict({"x": np.log([[1.0, 2.0, 1.0]])})
        label = next(value for value in result.values() if isinstance(value, str))
        table = next(value for value in result.values() if isinstance(value, dict))
        assert label == "dog"
        assert table == pytest.approx({"cat": 0.25, "dog": 0.5, "owl": 0.25}, abs=1e-3)

    def test_half_precision_outputs_keep_their_type(self, convert: Convert) -> None:
        @mb.program(input_specs=[spec(2, dtype=types.fp16)], opset_version=ct.target.iOS18)
        def program(x: Any) -> Any:
            return mb.relu(x=x, name="out")

        model = mil.load(convert(program, outputs=[ct.TensorType("out", dtype=np.float16)]))
        assert model.predict({"x": np.ones(2)})["out"].dtype == np.float16
        assert model.predict({"x": np.ones(2)}, rounding="none")["out"].dtype == np.float32

    def test_an_observer_sees_every_operation(self, convert: Convert) -> None:
        @mb.program(input_specs=[spec(2)], opset_version=ct.target.iOS18)
        def program(x: Any) -> Any:
            return mb.square(x=mb.relu(x=x), name="out")

        seen: list[tuple[str, list[float]]] = []
        model = mil.load(convert(program, compute_precision=ct.precision.FLOAT32))
        model.predict(
            {"x": np.array([-1.0, 3.0])},
            observer=lambda op, inputs, outputs: seen.append((op.op_type, outputs[0].tolist())),
        )
        assert seen == [("relu", [0.0, 3.0]), ("square", [0.0, 9.0])]


class TestControlFlow:
    def test_loops_branches_and_lists(self, convert: Convert) -> None:
        @mb.program(input_specs=[spec(1), spec(2)], opset_version=ct.target.iOS15)
        def program(n: Any, x: Any) -> Any:
            written = mb.make_list(init_length=1, elem_shape=(2,), dtype="fp32")
            limit = mb.squeeze(x=mb.cast(x=n, dtype="int32"), axes=[0])

            def condition(i: Any, total: Any, ls: Any) -> Any:
                return mb.less(x=i, y=limit)

            def body(i: Any, total: Any, ls: Any) -> Any:
                even = mb.equal(x=mb.mod(x=i, y=2), y=0)
                step = mb.cond(
                    pred=even, _true_fn=lambda: mb.mul(x=x, y=10.0), _false_fn=lambda: mb.mul(x=x, y=1.0)
                )
                total = mb.add(x=total, y=step)
                return mb.add(x=i, y=1), total, mb.list_write(ls=ls, index=i, value=total)

            loop = mb.while_loop(_cond=condition, _body=body, loop_vars=(0, np.zeros(2, np.float32), written))
            gathered = mb.list_gather(ls=loop[2], indices=[2, 0])
            return mb.identity(x=loop[1], name="total"), mb.identity(x=gathered, name="gathered")

        path = convert(
            program, minimum_deployment_target=ct.target.iOS15, compute_precision=ct.precision.FLOAT32
        )
        x = np.array([1.0, -2.0], np.float32)
        result = mil.load(path).predict({"n": [3.0], "x": x})
        np.testing.assert_array_equal(result["total"], 21 * x)
        np.testing.assert_array_equal(result["gathered"], [21 * x, 10 * x])


class TestStates:
    @pytest.fixture
    def model(self, convert: Convert) -> mil.Model:
        @mb.program(
            input_specs=[mb.StateTensorSpec((2,), dtype=types.fp16), spec(2, dtype=types.fp16)],
            opset_version=ct.target.iOS18,
        )
        def program(total: Any, x: Any) -> Any:
            grown = mb.add(x=mb.read_state(input=total), y=x)
            return mb.mul(x=mb.coreml_update_state(state=total, value=grown), y=np.float16(2), name="out")

        return mil.load(convert(program, outputs=[ct.TensorType("out", dtype=np.float16)]))

    def test_a_state_outlives_a_prediction(self, model: mil.Model) -> None:
        state, other = model.make_state(), model.make_state()
        model.predict({"x": [1.0, 2.0]}, state=state)
        result = model.predict({"x": [1.0, 2.0]}, state=state)
        np.testing.assert_array_equal(result["out"], [4.0, 8.0])
        np.testing.assert_array_equal(state.read("total"), np.array([2.0, 4.0], np.float16))
        np.testing.assert_array_equal(other.read("total"), [0.0, 0.0])
        state.write("total", np.array([10.0, 0.0]))
        np.testing.assert_array_equal(model.predict({"x": [1.0, 1.0]}, state=state)["out"], [22.0, 2.0])

    def test_misuse_is_named(self, model: mil.Model) -> None:
        with pytest.raises(ModelError, match="keeps the state total, and none was given"):
            model.predict({"x": [1.0, 2.0]})
        with pytest.raises(ModelError, match=r"'total' has shape \[2\]; \[3\] was written"):
            model.make_state().write("total", np.zeros(3))
        with pytest.raises(ModelError, match="no state 'cache'"):
            model.make_state().read("cache")


def test_multifunction_packages_run_the_named_function(tmp_path: Path) -> None:
    paths = {}
    for name, factor in (("double", 2.0), ("triple", 3.0)):

        @mb.program(input_specs=[spec(2)], opset_version=ct.target.iOS18)
        def program(x: Any) -> Any:
            return mb.mul(x=x, y=np.float32(factor), name="out")  # noqa: B023 - traced at once

        paths[name] = tmp_path / f"{name}.mlpackage"
        with quiet():
            ct.convert(program, minimum_deployment_target=ct.target.iOS18).save(str(paths[name]))
    functions = ct.utils.MultiFunctionDescriptor()
    for name, path in paths.items():
        functions.add_function(str(path), src_function_name="main", target_function_name=name)
    functions.default_function_name = "double"
    both = tmp_path / "both.mlpackage"
    with quiet():
        ct.utils.save_multifunction(functions, str(both))

    model = mil.load(both)
    assert sorted(model.functions) == ["double", "triple"]
    np.testing.assert_array_equal(model.predict({"x": [1.0, 2.0]})["out"], [2.0, 4.0])
    triple = mil.load(both, function_name="triple")
    np.testing.assert_array_equal(triple.predict({"x": [1.0, 2.0]})["out"], [3.0, 6.0])
    with pytest.raises(ModelError, match="no function 'half'; it has 'double', 'triple'"):
        mil.load(both, function_name="half")
