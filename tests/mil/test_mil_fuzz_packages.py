"""Damaged, malicious and foreign packages: a ModelError with a fact and a remedy, soon, within bounds."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil.mil import Builder as mb
from coremltools.optimize import coreml as cto
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import edgekit.mil as mil
from edgekit.errors import EdgekitError, ModelError
from edgekit.quiet import quiet

X = np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 64)
WEIGHT = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
PARTS = ("Manifest.json", "model.mlmodel", "weight.bin")
WIDE = settings.get_current_profile_name() == "search"
MEMORY = 6 << 30  # of address space; torch and coremltools map about 4 GB before the first package is opened
SECONDS = 60  # starting Python and importing both included


def save(program: Any, path: Path, *, smaller: bool = False) -> Path:
    with quiet():
        package = ct.convert(program, minimum_deployment_target=ct.target.iOS18, skip_model_load=True)
        if smaller:
            config = cto.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=0)
            package = cto.palettize_weights(package, cto.OptimizationConfig(config))
        package.save(str(path))
    return path


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A plain package, and one with look-up tables, control flow and integer operations."""
    folder = tmp_path_factory.mktemp("sound")

    @mb.program(input_specs=[mb.TensorSpec((1, 64))], opset_version=ct.target.iOS18)
    def plain(x: Any) -> Any:
        return mb.softmax(x=mb.linear(x=x, weight=WEIGHT), axis=-1, name="out")

    @mb.program(input_specs=[mb.TensorSpec((1, 64))], opset_version=ct.target.iOS18)
    def varied(x: Any) -> Any:
        x = mb.linear(x=x, weight=WEIGHT)
        x = mb.reshape(x=mb.tile(x=x, reps=[2, 1]), shape=[1, 2, 8, 8])
        x = mb.max_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid")
        x = mb.slice_by_index(x=mb.pad(x=x, pad=[1, 1, 1, 1]), begin=[0, 0, 0, 0], end=[1, 2, 5, 5])
        positive = mb.greater(x=mb.reduce_sum(x=x, axes=[0, 1, 2, 3], keep_dims=False), y=0.0)
        chosen = mb.cond(pred=positive, _true_fn=lambda: mb.relu(x=x), _false_fn=lambda: mb.abs(x=x))
        _, total = mb.while_loop(
            _cond=lambda i, t: mb.less(x=i, y=3),
            _body=lambda i, t: (mb.add(x=i, y=1), mb.add(x=t, y=chosen)),
            loop_vars=(0, chosen),
        )
        return mb.gather(x=total, indices=np.array([1, 0], np.int32), axis=1, name="out")

    return [save(plain, folder / "plain.mlpackage"), save(varied, folder / "varied.mlpackage", smaller=True)]


@contextmanager
def copied(package: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copytree(package, Path(folder) / package.name))


def part(package: Path, name: str) -> Path:
    return next(package.rglob(name))


def edit(package: Path, change: Callable[[Any], None]) -> None:
    from coremltools.proto import Model_pb2

    proto = Model_pb2.Model.FromString(part(package, "model.mlmodel").read_bytes())
    change(proto)
    part(package, "model.mlmodel").write_bytes(proto.SerializeToString())


def operation(proto: Any, kind: str) -> Any:
    block = next(iter(proto.mlProgram.functions["main"].block_specializations.values()))
    return next(op for op in block.operations if op.type == kind)


def outcome(package: Path) -> str:
    """What loading and predicting comes to. A damaged number may well be another valid one."""
    try:
        model = mil.load(package)
        result = model.predict(dict.fromkeys(model.inputs, X))
    except EdgekitError as problem:
        assert problem.fact.strip() and problem.remedy.strip()
        assert "Traceback" not in problem.fact
        return "error"
    assert isinstance(result, dict)
    return "result"


def refused(package: Path) -> str:
    with pytest.raises(ModelError) as caught:
        mil.load(package)
    assert caught.value.remedy
    return caught.value.fact


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # coremltools' shape inference divides by what it finds
@pytest.mark.parametrize("name", PARTS)
@settings(max_examples=600 if WIDE else 25, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_changed_bytes(packages: list[Path], name: str, data: st.DataObject) -> None:
    with copied(data.draw(st.sampled_from(packages))) as package:
        content = bytearray(part(package, name).read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        part(package, name).write_bytes(bytes(content))
        outcome(package)


@pytest.mark.parametrize("name", PARTS)
@settings(max_examples=300 if WIDE else 10, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_truncated_and_grown_files(packages: list[Path], name: str, data: st.DataObject) -> None:
    with copied(data.draw(st.sampled_from(packages))) as package:
        content = part(package, name).read_bytes()
        kept = content[: data.draw(st.integers(0, len(content) - 1))]
        part(package, name).write_bytes(kept + data.draw(st.binary(max_size=64)))
        outcome(package)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=600 if WIDE else 25, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_changed_numbers_of_a_readable_program(packages: list[Path], data: st.DataObject) -> None:
    """Bytes changed at random seldom leave a readable program; numbers changed in it do."""
    numbers = st.sampled_from([-(2**31), -7, -1, 0, 1, 2, 3, 5, 255, 65_536, 2**31 - 1]) | st.integers(-9, 9)

    def change(proto: Any) -> None:
        block = next(iter(proto.mlProgram.functions["main"].block_specializations.values()))
        places = []
        for op in block.operations:
            for value in op.attributes.values():
                ints = value.immediateValue.tensor.ints.values
                places += [(ints, i) for i in range(len(ints))]
            for output in op.outputs:
                sizes = output.type.tensorType.dimensions
                places += [(size.constant, "size") for size in sizes]
        for _ in range(data.draw(st.integers(1, 3))):
            holder, key = data.draw(st.sampled_from(places))
            number = data.draw(numbers)
            if key == "size":
                holder.size = abs(number)
            else:
                holder[key] = number

    with copied(data.draw(st.sampled_from(packages))) as package:
        edit(package, change)
        outcome(package)


class TestLayout:
    @pytest.fixture
    def package(self, packages: list[Path], tmp_path: Path) -> Path:
        return Path(shutil.copytree(packages[0], tmp_path / "some.mlpackage"))

    def test_a_zip_archive(self, package: Path, tmp_path: Path) -> None:
        archive = tmp_path / "zipped.mlpackage"
        with zipfile.ZipFile(archive, "w") as stream:
            for entry in package.rglob("*"):
                stream.write(entry, entry.relative_to(package))
        assert "zip archive" in refused(archive)

    @pytest.mark.parametrize("name", PARTS)
    def test_links_out_of_the_package(self, package: Path, tmp_path: Path, name: str) -> None:
        moved = shutil.move(part(package, name), tmp_path / name)
        target = package / name if name == PARTS[0] else package / "Data/com.apple.CoreML" / name
        target = target if name != PARTS[2] else target.parent / "weights" / name
        target.symlink_to(moved)
        assert "a file outside itself" in refused(package)

    def test_links_within_a_hub_cache_are_its_way(self, package: Path, tmp_path: Path) -> None:
        blobs, home = tmp_path / "models--a--b/blobs", tmp_path / "models--a--b/snapshots/1"
        blobs.mkdir(parents=True)
        home.mkdir(parents=True)
        there = Path(shutil.move(package, home / "some.mlpackage"))
        weights = part(there, "weight.bin")
        shutil.move(weights, blobs / "abc")
        weights.symlink_to(os.path.relpath(blobs / "abc", weights.parent))
        assert outcome(there) == "result"

    @pytest.mark.parametrize("place", ["/etc/passwd", "../../../secret", "com.apple.CoreML/none", "", "\0"])
    def test_a_manifest_that_points_elsewhere(self, package: Path, place: str) -> None:
        manifest = json.loads((package / "Manifest.json").read_text())
        manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"] = place
        (package / "Manifest.json").write_text(json.dumps(manifest))
        refused(package)

    @pytest.mark.parametrize(
        "text",
        [
            "", "{}", "[]", "null", "[" * 100_000, " " * (1 << 21),
            '{"itemInfoEntries": {"a": 1}, "rootModelIdentifier": "a"}',
            '{"itemInfoEntries": {}, "rootModelIdentifier": []}',
        ],
    )  # fmt: skip
    def test_a_manifest_that_is_none(self, package: Path, text: str) -> None:
        (package / "Manifest.json").write_text(text)
        assert "Manifest.json" in refused(package)

    @pytest.mark.parametrize("name", PARTS)
    def test_pipes_are_not_waited_for(self, package: Path, name: str) -> None:
        path = part(package, name)
        path.unlink()
        os.mkfifo(path)
        refused(package)


def test_an_input_that_is_not_described(packages: list[Path]) -> None:
    def rename(proto: Any) -> None:
        proto.description.input[0].name = "y"

    with copied(packages[0]) as package:
        edit(package, rename)
        assert "doesn't describe its input 'x'" in refused(package)


# What each child process is given: it changes a package so that a naive reader needs too much time or memory.


def deep_pipeline(proto: Any) -> None:
    """A pipeline of one pipeline of one …: a proto can't hold itself, so this is the closest to a cycle."""
    for _ in range(40):
        inner = type(proto)()
        inner.CopyFrom(proto)
        proto.Clear()
        proto.specificationVersion = inner.specificationVersion
        proto.pipeline.models.append(inner)


def deep_blocks(proto: Any) -> None:
    inner = operation(proto, "softmax")
    for _ in range(40):
        copy = type(inner)()
        copy.CopyFrom(inner)
        inner.Clear()
        inner.type = "cond"
        inner.blocks.add().operations.append(copy)


def huge_input(proto: Any) -> None:
    proto.description.input[0].type.multiArrayType.shape[:] = [1 << 40, 1 << 40]


def optional_huge_input(proto: Any) -> None:
    proto.description.input[0].type.isOptional = True
    proto.description.input[0].type.multiArrayType.shape[:] = [1 << 31, 1]


def negative_input(proto: Any) -> None:
    proto.description.input[0].type.multiArrayType.shape[:] = [-1, 64]


def huge_state(proto: Any) -> None:
    state = proto.description.state.add()
    state.name = "cache"
    state.type.stateType.arrayType.dataType = 65552
    state.type.stateType.arrayType.shape[:] = [1 << 20, 1 << 20]


def huge_weight(proto: Any) -> None:
    for op in next(iter(proto.mlProgram.functions["main"].block_specializations.values())).operations:
        value = op.attributes["val"]
        if value.WhichOneof("value") == "blobFileValue":
            value.type.tensorType.dimensions[0].constant.size = 1 << 62


def far_weight(proto: Any) -> None:
    for op in next(iter(proto.mlProgram.functions["main"].block_specializations.values())).operations:
        value = op.attributes["val"]
        if value.WhichOneof("value") == "blobFileValue":
            value.blobFileValue.offset = (1 << 64) - 1


def large_tile(proto: Any) -> None:
    """A tile of a constant, 1 GB in all, declared as small: coremltools would work it out while it reads."""
    repeat(proto, 1 << 10, 1 << 7)


def huge_tile(proto: Any) -> None:
    repeat(proto, 1 << 15, 1 << 16)


def repeat(proto: Any, *times: int) -> None:
    linear = operation(proto, "linear")
    weight = linear.inputs["weight"].arguments[0].name
    block = next(iter(proto.mlProgram.functions["main"].block_specializations.values()))
    place = next(i for i, op in enumerate(block.operations) if op.type == "linear")
    added = [type(linear)(), type(linear)()]
    added[0].type, added[1].type = "const", "tile"
    kept = list(block.operations)
    for op, name in zip(added, ("times", "many"), strict=True):
        op.outputs.add().name = name
        op.attributes["name"].immediateValue.tensor.strings.values.append(name)
        op.attributes["name"].type.tensorType.dataType = 2
    for value in (added[0].attributes["val"], added[0].outputs[0]):
        value.type.tensorType.dataType = 23
        value.type.tensorType.rank = 1
        value.type.tensorType.dimensions.add().constant.size = 2
    added[0].attributes["val"].immediateValue.tensor.ints.values.extend(times)
    added[1].outputs[0].type.CopyFrom(linear.outputs[0].type)
    added[1].inputs["x"].arguments.add().name = weight
    added[1].inputs["reps"].arguments.add().name = "times"
    linear.inputs["weight"].arguments[0].name = "many"
    del block.operations[:]
    block.operations.extend([*kept[:place], *added, *kept[place:]])


NASTY = (
    deep_pipeline, deep_blocks, huge_input, optional_huge_input, negative_input, huge_state, huge_weight,
    far_weight, large_tile, huge_tile,
)  # fmt: skip

CHILD = """
import resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
import numpy as np
import edgekit.mil as mil
from edgekit.benchmark.peak_worker import peak_resident_bytes
from edgekit.errors import ModelError
x = np.zeros((1, 64), np.float32)
mil.load(sys.argv[2])
before = peak_resident_bytes()
for path in sys.argv[2:]:
    started = time.monotonic()
    try:
        model = mil.load(path)
        if model.description.states:
            model.make_state()
        model.predict(dict.fromkeys(model.inputs, x))
        verdict = "ran"
    except ModelError as problem:
        verdict = "refused" if problem.fact and problem.remedy else "mute"
        print(problem.fact, file=sys.stderr)
    print(path, verdict, time.monotonic() - started, peak_resident_bytes() - before, flush=True)
"""


def test_what_would_exhaust_a_machine(packages: list[Path], tmp_path: Path) -> None:
    """All in one process with little memory: none may crash it, and none may keep it busy."""
    paths = []
    for change in NASTY:
        path = Path(shutil.copytree(packages[0], tmp_path / f"{change.__name__}.mlpackage"))
        edit(path, change)
        paths.append(path)
    sparse = Path(shutil.copytree(packages[0], tmp_path / "sparse.mlpackage"))
    with part(sparse, "model.mlmodel").open("ab") as stream:
        stream.truncate(1 << 40)
    paths.append(sparse)
    limit = min(MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1] % (1 << 62))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD, str(limit), *map(str, paths)],
        capture_output=True, text=True, timeout=SECONDS, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.rsplit(" ", 3) for line in done.stdout.splitlines()]
    verdicts = {Path(path).stem: verdict for path, verdict, _, _ in lines}
    # A pipeline of pipelines is a model all the same.
    assert verdicts == {path.stem: "refused" for path in paths} | {"deep_pipeline": "ran"}, done.stderr
    assert all(float(seconds) < 15 and int(grown) < 200e6 for _, _, seconds, grown in lines), done.stdout
