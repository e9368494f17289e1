"""What can't be executed, or isn't whole, is refused in words; compressed weights are what they stand for."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil.mil import Builder as mb
from coremltools.models.datatypes import Array
from coremltools.models.neural_network import NeuralNetworkBuilder
from coremltools.optimize import coreml as cto

import edgekit.mil as mil
from edgekit.errors import EdgekitError, ModelError
from edgekit.mil.ops import GROUPS, OPS
from edgekit.quiet import quiet

WEIGHT = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(1, 64)).astype(np.float32)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One linear layer in single precision."""

    @mb.program(input_specs=[mb.TensorSpec((1, 64))], opset_version=ct.target.iOS18)
    def program(x: Any) -> Any:
        return mb.linear(x=x, weight=WEIGHT, name="out")

    path = tmp_path_factory.mktemp("linear") / "linear.mlpackage"
    with quiet():
        ct.convert(
            program,
            minimum_deployment_target=ct.target.iOS18,
            compute_precision=ct.precision.FLOAT32,
            skip_model_load=True,
        ).save(str(path))
    return path


@pytest.fixture
def copy(package: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(package, tmp_path / "copy.mlpackage"))


def program_file(package: Path) -> Path:
    return next(package.rglob("*.mlmodel"))


def weight_file(package: Path) -> Path:
    return next(package.rglob("weight.bin"))


def edited(package: Path) -> Iterator[Any]:
    """Yields the package's proto and writes it back."""
    from coremltools.proto import Model_pb2

    proto = Model_pb2.Model.FromString(program_file(package).read_bytes())
    yield proto
    program_file(package).write_bytes(proto.SerializeToString())


def test_plain_weights(package: Path) -> None:
    out = mil.load(package).predict({"x": X})["out"]
    np.testing.assert_allclose(out, X @ WEIGHT.T, rtol=1e-5, atol=1e-5)


def test_a_pipeline_of_one_program_is_that_program(package: Path, copy: Path) -> None:
    for proto in edited(copy):
        inner = type(proto)()
        inner.CopyFrom(proto)
        proto.pipeline.models.append(inner)
    out = mil.load(copy).predict({"x": X})["out"]
    np.testing.assert_array_equal(out, mil.load(package).predict({"x": X})["out"])


def compressed(package: Path, method: str) -> Any:
    plain = ct.models.MLModel(str(package), skip_model_load=True)
    linear = cto.OptimizationConfig(cto.OpLinearQuantizerConfig(mode="linear", weight_threshold=0))
    blocks = cto.OptimizationConfig(
        cto.OpLinearQuantizerConfig(
            mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=32, weight_threshold=0
        )
    )
    palette = cto.OptimizationConfig(
        cto.OpPalettizerConfig(mode="uniform", nbits=6, weight_threshold=0, granularity="per_tensor")
    )
    sparse = cto.OptimizationConfig(cto.OpMagnitudePrunerConfig(target_sparsity=0.5, weight_threshold=0))
    if method == "int8":
        return cto.linear_quantize_weights(plain, linear)
    if method == "int4 blocks":
        return cto.linear_quantize_weights(plain, blocks)
    if method == "6 bits":
        return cto.palettize_weights(plain, palette)
    pruned = cto.prune_weights(plain, sparse)
    if method == "sparse":
        return pruned
    if method == "sparse int8":
        return cto.linear_quantize_weights(pruned, linear, joint_compression=True)
    return cto.palettize_weights(pruned, palette, joint_compression=True)


@pytest.mark.parametrize(
    "method", ["int8", "int4 blocks", "6 bits", "sparse", "sparse int8", "sparse 6 bits"]
)
def test_compressed_weights_are_what_they_stand_for(package: Path, tmp_path: Path, method: str) -> None:
    with quiet():
        model = compressed(package, method)
        model.save(str(tmp_path / "small.mlpackage"))
        dense = cto.decompress_weights(
            ct.models.MLModel(str(tmp_path / "small.mlpackage"), skip_model_load=True)
        )
        dense.save(str(tmp_path / "dense.mlpackage"))
    small = mil.load(tmp_path / "small.mlpackage")
    assert any(op.op_type.startswith("constexpr_") for op in small.program.operations)
    first = small.predict({"x": X})["out"]
    np.testing.assert_array_equal(first, mil.load(tmp_path / "dense.mlpackage").predict({"x": X})["out"])
    # The stored copy is dropped after first use; the held one must still be there.
    np.testing.assert_array_equal(first, small.predict({"x": X})["out"])


class TestRefusals:
    def test_no_such_package(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"There is no .*absent\.mlpackage"):
            mil.load(tmp_path / "absent.mlpackage")

    def test_compiled_models(self, tmp_path: Path) -> None:
        (tmp_path / "m.mlmodelc").mkdir()
        with pytest.raises(ModelError, match=r"m\.mlmodelc is compiled"):
            mil.load(tmp_path / "m.mlmodelc")

    def test_neural_network_specs(self, tmp_path: Path) -> None:
        builder = NeuralNetworkBuilder([("x", Array(3))], [("y", Array(3))])
        builder.add_activation("relu", "RELU", "x", "y")
        ct.models.utils.save_spec(builder.spec, str(tmp_path / "old.mlmodel"))
        with pytest.raises(ModelError, match="'neuralNetwork'; only ML Programs") as caught:
            mil.load(tmp_path / "old.mlmodel")
        assert 'convert_to="mlprogram"' in caught.value.remedy

    def test_unknown_operations_are_named_and_placed(self, copy: Path) -> None:
        for proto in edited(copy):
            block = proto.mlProgram.functions["main"].block_specializations["CoreML8"]
            op = next(op for op in block.operations if op.type == "linear")
            op.type = "hologram"
        message = r"Operation 'out' has the type 'hologram'.*operation \d of \d in main; source: "
        with pytest.raises(ModelError, match=message):
            mil.load(copy)

    def test_a_folder_that_is_no_package(self, tmp_path: Path) -> None:
        (tmp_path / "empty.mlpackage").mkdir()
        with pytest.raises(ModelError, match=r"empty\.mlpackage can't be read"):
            mil.load(tmp_path / "empty.mlpackage")


class TestDamage:
    def test_missing_weights(self, copy: Path) -> None:
        weight_file(copy).unlink()
        with pytest.raises(ModelError, match=r"'weight\.bin', which the package lacks"):
            mil.load(copy)

    def test_truncated_weights(self, copy: Path) -> None:
        data = weight_file(copy).read_bytes()
        weight_file(copy).write_bytes(data[: len(data) // 2])
        with pytest.raises(ModelError, match=r"lies outside 'weight\.bin'"):
            mil.load(copy)

    def test_a_weight_of_another_size(self, copy: Path) -> None:
        for proto in edited(copy):
            block = proto.mlProgram.functions["main"].block_specializations["CoreML8"]
            for op in block.operations:
                if op.type == "const" and op.attributes["val"].WhichOneof("value") == "blobFileValue":
                    op.attributes["val"].type.tensorType.dimensions[0].constant.size = 1 << 40
        with pytest.raises(ModelError, match=r"has 16384 bytes where \d+ are declared"):
            mil.load(copy)

    @pytest.mark.parametrize("seed", range(40))
    def test_changed_bytes_end_in_an_error_or_a_result(self, copy: Path, seed: int) -> None:
        generator = random.Random(seed)
        data = bytearray(program_file(copy).read_bytes())
        if seed % 4 == 0:
            data = data[: generator.randrange(len(data))]
        for _ in range(generator.randint(1, 6)):
            if data:
                data[generator.randrange(len(data))] = generator.randrange(256)
        program_file(copy).write_bytes(bytes(data))
        try:
            model = mil.load(copy)
            result = model.predict(dict.fromkeys(model.inputs, X))
        except EdgekitError as problem:
            assert problem.remedy
        else:
            assert isinstance(result, dict)


def test_every_operation_that_coremltools_can_write_has_a_kernel() -> None:
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    internal = {"const", "_const_symbolic"}  # read by the loader; made only in coremltools' own tests
    assert set(SSAOpRegistry.core_ops) - internal <= set(OPS)


def test_no_operation_is_defined_twice() -> None:
    names = [name for group in GROUPS for name in group.OPS]
    assert len(names) == len(set(names))
