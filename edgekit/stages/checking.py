"""Verification against other references than a model folder: an ONNX file, or a module of the user's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from edgekit.errors import DataError, ModelError
from edgekit.files import PACKAGES, sha256_path, size_bytes
from edgekit.recipe.schema import Gates
from edgekit.runtimes.coreml_reference import CoreMLReferenceRunner
from edgekit.runtimes.python_module import ModuleRunner, load_module, names_module
from edgekit.runtimes.tensor_reference import ModuleReference, OnnxReference, TensorReference, as_tensors
from edgekit.stages.explaining import explain, explain_rows, with_divergence, with_unrounded
from edgekit.tasks import get_task
from edgekit.types import Artifact, Model, Parity, Rows, Signature, Source, TensorSpec, Trail

if TYPE_CHECKING:
    from edgekit.runtimes.runner import Runner
    from edgekit.stages.artifacts import Workbench

UNSIGNED = "no edgekit signature"  # what `read_signature` says of a file from elsewhere


@dataclass(frozen=True, slots=True)
class RowCheck:
    """A file that edgekit wrote and a reference for the same task, over tokenised rows."""

    artifact: Artifact
    candidate: Runner
    reference: Runner
    rows: Rows
    labels: Sequence[Any]
    pad_id: int
    name: str  # of the reference
    module: Any = None  # the reference's module, if it has one
    outputs: Callable[[], Any] | None = None  # the reference's for the rows, all at once

    def parity(self, gates: Gates) -> Parity:
        """Numbers, labels and the metric; of a Core ML package with and without rounding."""
        from edgekit.verify.parity import compare

        shared: dict[str, Any] = {
            "rows": self.rows,
            "labels": self.labels,
            "pad_id": self.pad_id,
            "reference_outputs": self.outputs() if self.outputs else None,
        }
        parity = compare(
            self.artifact, self.candidate, self.reference, gates=gates, reference_name=self.name, **shared
        )
        return with_unrounded(self.artifact, parity, self.candidate, self.reference, **shared)

    def explained(self, parity: Parity) -> Parity:
        """Names the first divergence of a Core ML package that did not pass."""
        if parity.passed or not isinstance(self.candidate, CoreMLReferenceRunner):
            return parity
        return with_divergence(parity, self.trail())

    def trail(self) -> Trail:
        """How the error grows.

        Raises:
            ModelError: it is no Core ML package executed by reference semantics.
        """
        if not isinstance(self.candidate, CoreMLReferenceRunner):
            raise ModelError(
                f"{self.artifact.path.name} is not executed by edgekit.mil: it can't be followed.",
                remedy="Explain a Core ML package, on a machine that is not a Mac.",
            )
        return explain_rows(self.candidate, self.reference, self.rows, pad_id=self.pad_id, module=self.module)


@dataclass(frozen=True, slots=True)
class TensorCheck:
    """Any Core ML package and a reference, over tensors."""

    artifact: Artifact
    model: Any  # from `edgekit.mil.load`
    reference: TensorReference
    feeds: Sequence[Mapping[str, Any]]

    def parity(self, gates: Gates) -> Parity:
        """Errors of every output, with and without rounding; where it departs if it fails."""
        return self._compared(gates)[0]

    def explained(self, parity: Parity) -> Parity:
        """Names the first divergence of a package that did not pass."""
        return parity if parity.passed else with_divergence(parity, self.trail())

    def trail(self) -> Trail:
        """How the error grows on the feed that shows most."""
        feed = self._compared(Gates())[1]
        module = self.reference.module
        return explain(self.model, feed, module=module, given=as_tensors(feed) if module is not None else ())

    def _compared(self, gates: Gates) -> tuple[Parity, Mapping[str, Any]]:
        from edgekit.verify.tensors import compare_tensors

        return compare_tensors(self.artifact, self.model, self.reference, self.feeds, gates)


Prepared: TypeAlias = "tuple[RowCheck | TensorCheck, Workbench | None]"


@contextmanager
def prepared(
    path: Path,
    against: str,
    *,
    inputs: Path | None,
    threads: int,
    load: Callable[..., Model],
    bench: Callable[[Model, Path, Path], Workbench],
    rows: Callable[[Model], tuple[Rows, Sequence[Any]]] | None,
) -> Iterator[Prepared]:
    """What an artifact is compared with, and how: over rows where there are tokens, else over tensors.

    Args:
        against: a model folder, an ONNX file, or `file.py:factory`.
        inputs: a `.npz` file with a package's inputs: tensors are compared then.
        load: opens a model folder, for a task and a maximum length.
        bench: makes the bench of a model, its folder and a scratch folder.
        rows: makes a user's labelled rows for a model's signature and tokenizer; None: there are none.

    Returns:
        The check, and the bench where an edgekit artifact is compared with a model folder.

    Raises:
        ModelError: one of the two can't be read, or their interfaces differ.
        DataError: rows or inputs can't be had for this package.
    """
    from edgekit.runtimes import open_runner
    from edgekit.stages.artifacts import row_check
    from edgekit.verify.probe import probe_rows

    folder = Path(against) if Path(against).is_dir() and Path(against).suffix not in PACKAGES else None
    found = None if inputs else _described(path)
    with tempfile.TemporaryDirectory(prefix="edgekit-verify-") as scratch:
        if found is not None and folder is not None:
            told = found.signature
            model = load(folder, max_length=told.max_length, task=told.task)
            made = bench(model, folder, Path(scratch))
            _same_labels(found, made.model.signature, against)
            yield row_check(made, found), made
        elif found is not None and (other := row_reference(found, against, threads=threads)) is not None:
            runner, module, stand_in = other
            front = stand_in.processor
            chosen, labels = rows(stand_in) if rows else (probe_rows(front, stand_in.signature), ())
            candidate = open_runner(path, threads=threads)
            pad_id = front.pad_token_id
            yield RowCheck(found, candidate, runner, chosen, labels, pad_id, stand_in.name, module), None
        elif rows is not None:
            raise DataError(
                f"Labelled rows were given, and {path} has no edgekit signature with a tokenizer beside it.",
                remedy="Leave out --data; tensors are compared all the same.",
            )
        elif folder is not None:
            module = bench(load(folder), folder, Path(scratch)).exportable.module
            yield tensor_check(path, ModuleReference(module, name=folder.name), inputs=inputs), None
        else:
            yield tensor_check(path, tensor_reference(against, threads=threads), inputs=inputs), None


def _described(path: Path) -> Artifact | None:
    """An artifact that edgekit wrote; None for a package from elsewhere."""
    from edgekit.runtimes.describe import describe_artifact

    try:
        return describe_artifact(path)
    except ModelError as error:
        if UNSIGNED not in error.fact or path.suffix != ".mlpackage":
            raise
        return None


def _same_labels(found: Artifact, other: Signature, against: str) -> None:
    if (found.signature.task, found.signature.labels) != (other.task, other.labels):
        raise ModelError(
            f"{found.path} is for {found.signature.task} and has the labels {list(found.signature.labels)}, "
            f"{against} is for {other.task} and has {list(other.labels)}.",
            remedy="Compare it with the model that it was exported from.",
        )


def tensor_check(path: Path, reference: TensorReference, *, inputs: Path | None) -> TensorCheck:
    """Any package; its interface is taken from its own description.

    Args:
        inputs: a `.npz` file with its inputs; None makes random ones.

    Raises:
        ModelError: it is no readable ML Program.
        DataError: the inputs don't fit, or can't be made up.
    """
    from edgekit.runtimes.coreml_program import open_program
    from edgekit.verify.random_inputs import given_inputs, random_inputs

    if path.suffix != ".mlpackage":
        raise ModelError(
            f"{path} was not written by edgekit.",
            remedy="Tensors alone are compared of Core ML packages only.",
        )
    model = open_program(path)
    feeds = given_inputs(inputs, list(model.inputs)) if inputs else random_inputs(model)
    return TensorCheck(describe_package(path, model), model, reference, feeds)


def describe_package(path: Path, model: Any) -> Artifact:
    """What can be said of a package that carries no edgekit metadata."""
    from edgekit.verify.divergence import kind_of

    inputs, outputs = (
        tuple(TensorSpec(f.name, tuple(f.shape), f.dtype) for f in features.values())
        for features in (model.inputs, model.outputs)
    )
    return Artifact(
        name=path.name,
        path=path,
        target="coreml",
        precision=kind_of(model),
        signature=Signature(task="", inputs=inputs, outputs=outputs),
        size_bytes=size_bytes(path),
        sha256=sha256_path(path),
        parameters=0,
    )


def tensor_reference(against: str, *, threads: int = 1) -> TensorReference:
    """An ONNX file, or `file.py:factory`."""
    if names_module(against):
        return ModuleReference(load_module(against), name=against)
    return OnnxReference(Path(against), threads=threads)


def row_reference(found: Artifact, against: str, *, threads: int = 1) -> tuple[Runner, Any, Model] | None:
    """An ONNX file of edgekit's or a module, as a model of the artifact's task.

    Returns:
        Its runner, its module if it is one, and what stands for the model it came from: signature and
        tokenizer. None when there is no tokenizer beside the artifact, or the ONNX file is not edgekit's.

    Raises:
        ModelError: they are for different tasks or labels.
    """
    processor = _tokenizer(found.path.parent)
    if processor is None:
        return None
    task = get_task(found.signature.task)
    if names_module(against):
        module = load_module(against)
        signature = replace(
            found.signature,
            inputs=tuple(
                replace(s, dtype="int64" if s.dtype == "int32" else s.dtype) for s in found.signature.inputs
            ),
            outputs=(replace(found.signature.outputs[0], name=task.output),),
        )
        runner: Runner = ModuleRunner(module, signature, name=against)
        return runner, module, Model(against, None, processor, signature, Source(against, "", Path()))
    from edgekit.runtimes import open_runner
    from edgekit.runtimes.describe import describe_artifact

    path = Path(against)
    try:
        told = describe_artifact(path).signature
    except ModelError as error:
        if UNSIGNED in error.fact:
            return None
        raise
    _same_labels(found, told, against)
    runner = open_runner(path, threads=threads)
    return runner, None, Model(path.name, None, processor, told, Source(against, "", path))


def _tokenizer(folder: Path) -> Any | None:
    from edgekit.models.load import load_processor

    try:
        return load_processor(folder, uri=str(folder))
    except ModelError:
        return None
