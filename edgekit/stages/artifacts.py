"""From a model to shipped files: export, quantize, verify, and the gates between them.

`Workbench` is what one model needs for that, whether it comes from a run or from a user's own folder.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.codec import from_json
from edgekit.ort_format import OrtFile
from edgekit.recipe.schema import Export, Gates
from edgekit.stages.store import Store
from edgekit.types import Artifact, Gate, Model, Parity, Quantized, Rows

if TYPE_CHECKING:
    import numpy as np

    from edgekit.export.exportable import Exportable
    from edgekit.runtimes.runner import Runner
    from edgekit.stages.checking import RowCheck

ROUNDS = 3  # timed calls per row for the "not slower" gate
TIMED_ROWS = 200


@dataclass
class Workbench:
    """One model on its way to artifacts. Heavy parts are made when first needed."""

    store: Store
    load: Callable[[], Model]
    name: str
    sha256: str  # of the weights
    folder: Path  # artifacts go to `<folder>/<target>/`
    rows: Rows  # tokenised, for parity
    labels: Sequence[int]  # empty: parity without a metric
    rows_key: str  # hash of rows and labels
    gates: Gates
    provenance: Mapping[str, Any]
    logits: Callable[[], np.ndarray] | None = None  # the reference's, if known already
    threads: int = 1
    calibration: Callable[[], Rows] | None = None  # what `mixed` is chosen on; None: on `rows`

    @cached_property
    def model(self) -> Model:
        return self.load()

    @cached_property
    def exportable(self) -> Exportable:
        from edgekit.export.exportable import Exportable
        from edgekit.models import families, tasks

        model = self.model
        length = min(17, model.signature.max_length or 17)
        return Exportable(
            name=self.name,
            module=families.export_module(
                model.module, max_length=model.signature.max_length, task=model.signature.task
            ),
            signature=model.signature,
            processor=model.processor,
            example=tasks.dummy_inputs(model.module, model.signature, batch=2, length=length),
            provenance=dict(self.provenance),
            parameters=model.parameters,
        )

    @cached_property
    def reference(self) -> Runner:
        """What every artifact is compared with: the model as plain transformers runs it."""
        from edgekit.runtimes.pytorch import PyTorchRunner

        return PyTorchRunner(self.model.module.to("cpu"), self.model.signature, threads=self.threads)

    @cached_property
    def reference_outputs(self) -> np.ndarray:
        from edgekit.verify.outputs import run_rows

        if self.logits is not None:
            return self.logits()
        pad_id = self.model.processor.pad_token_id
        return run_rows(self.reference, self.rows, pad_id=pad_id, title=f"Running {self.name} (PyTorch)")


@dataclass(frozen=True, slots=True)
class Built:
    """An artifact with its plan, its parity, and why it was rejected ("" if it wasn't)."""

    artifact: Artifact
    parity: Parity
    quantized: Quantized | None
    rejected_because: str
    ort: OrtFile | None = None  # the same file in ONNX Runtime's own format


def build_target(bench: Workbench, export: Export) -> list[Built]:
    """Every precision of one target: written, verified, gated; what fails moves to `rejected/`.

    A compressed one is made from the target's plain export, so that is written too even if nobody asked; and
    so is the portable ONNX file that ONNX Runtime's own is made from and has to be faster than.
    """
    from edgekit.export.targets import get_target
    from edgekit.recipe.schema.precisions import COMPRESSED

    plain = get_target(export.target).precisions[0]
    # Core AI's and Core ML's are each converted from the module; ONNX's fp16 is made from its fp32.
    converted = {"coreai": export.precisions, "coreml": [p for p in export.precisions if p not in COMPRESSED]}
    direct = [p for p in export.precisions if p == plain or p in converted.get(export.target, ())]
    derived = [p for p in export.precisions if p not in direct]
    portable = None
    if export.target == "onnxruntime":
        portable = _export(bench, Export(target="onnx", precisions=("fp32",)), "fp32", None)
    built: dict[str, Built] = {}
    for precision in dict.fromkeys([*direct, *([plain] if derived else [])]):
        artifact = _export(bench, export, precision, portable)
        built[precision] = _judge(bench, artifact, None, replaces=portable)
    for precision in derived:
        source = built[plain]
        if source.rejected_because:
            progress.say(f"{source.artifact.name} was rejected, so no {precision} is made from it.")
        elif precision in COMPRESSED:
            plan, artifact = _quantize(bench, export, source.artifact, precision)
            limit = export.mixed.max_bytes if precision == "mixed" else None
            built[precision] = _judge(bench, artifact, plan, replaces=source.artifact, max_bytes=limit)
        else:  # fp16 is for other processors: how fast it is on this one says nothing
            artifact = _export(bench, export, precision, source.artifact)
            built[precision] = _judge(bench, artifact, None, replaces=None)
    if not export.ort:
        return list(built.values())
    from edgekit.stages.ort import with_ort

    return [with_ort(bench, one) for one in built.values()]


def _path(bench: Workbench, target: str, precision: str) -> Path:
    from edgekit.export.targets import file_name, get_target

    found = get_target(target)
    return bench.folder / found.folder / file_name(found, precision)


def _export(bench: Workbench, export: Export, precision: str, source: Artifact | None) -> Artifact:
    """A floating-point artifact.

    Args:
        source: the ONNX file that it is made from; None: it is made from the module.
    """
    path = _path(bench, export.target, precision)
    settings: dict[str, Any] = {"target": export.target, "precision": precision, "weights": bench.sha256}
    if export.target == "coreml":
        settings |= export.model_dump(mode="json", include={"minimum_deployment_target", "shapes", "lengths"})
    if export.target == "coreai":
        settings["block_size"] = export.block_size
    if source is not None:
        settings["source"] = source.sha256

    def make(key: str) -> Artifact:
        _front_end(bench, path.parent)
        return _written(bench, export, precision, source, path)

    name = f"{bench.name}-{export.target}-{precision}"
    return _stage(bench, name, settings, path, make, title=f"Export {name}")


def _written(
    bench: Workbench, export: Export, precision: str, source: Artifact | None, path: Path
) -> Artifact:
    from edgekit.export.coreml import export_coreml
    from edgekit.export.onnx import export_onnx

    if export.target == "coreml":
        return export_coreml(
            bench.exportable,
            path,
            precision=precision,
            minimum_deployment_target=export.minimum_deployment_target,
            shapes=export.shapes,
            lengths=export.lengths,
        )
    if export.target == "coreai":
        from edgekit.export.coreai import export_coreai

        return export_coreai(bench.exportable, path, precision=precision, block_size=export.block_size)
    if source is None:
        return export_onnx(bench.exportable, path)
    if precision == "fp16":
        from edgekit.export.onnx_schemes.fp16 import to_fp16

        return to_fp16(source, path)
    from edgekit.export.onnx_fused import fuse_onnx

    return fuse_onnx(source, path)


def _quantize(
    bench: Workbench, export: Export, source: Artifact, precision: str
) -> tuple[Quantized, Artifact]:
    from edgekit.stages.compressing import compress
    from edgekit.stages.quantizing import quantize

    path = _path(bench, export.target, precision)
    return (compress if export.target == "coreml" else quantize)(bench, export, source, precision, path)


def _stage(
    bench: Workbench,
    name: str,
    inputs: Mapping[str, Any],
    path: Path,
    make: Callable[[str], Artifact],
    *,
    title: str,
) -> Artifact:
    result = bench.store.run(f"export-{name}", inputs=inputs, outputs=[path], make=make, title=title)
    return from_json(Artifact, {**result, "path": path, "name": name})


def _front_end(bench: Workbench, folder: Path) -> None:
    """Tokenizer and configuration beside the artifact: a folder is complete by itself."""
    from edgekit.models.save import save_front_end

    save_front_end(bench.model.processor, folder, max_length=bench.model.signature.max_length)
    bench.model.module.config.save_pretrained(folder)


def _judge(
    bench: Workbench,
    artifact: Artifact,
    plan: Quantized | None,
    *,
    replaces: Artifact | None,
    max_bytes: int | None = None,
) -> Built:
    parity = verify(bench, artifact, replaces=replaces)
    if max_bytes is not None:
        size = artifact.size_bytes
        parity = replace(parity, gates=(*parity.gates, Gate("bytes", max_bytes, size, size <= max_bytes)))
    reason = why_rejected(parity)
    if reason:
        if not bench.gates.keep_rejected:
            artifact = replace(artifact, path=reject(bench.folder, artifact))
        progress.say(f"{artifact.name}: rejected: {reason}")
    return Built(artifact, parity, plan, reason)


def verify(bench: Workbench, artifact: Artifact, *, replaces: Artifact | None) -> Parity:
    """Parity of one artifact, judged by the gates; executed wherever this machine can.

    Args:
        replaces: the artifact it must be faster than, if the gates ask for that.
    """
    from edgekit.benchmark.cpu import read_cpu
    from edgekit.verify.unrounded import ROWS

    def make(key: str) -> dict[str, Any]:
        from edgekit.verify.coreml_structure import check_structure

        check = row_check(bench, artifact)
        parity = check.parity(bench.gates)
        if artifact.target == "coreml":
            weights = {n: p.detach().numpy() for n, p in bench.exportable.module.named_parameters()}
            structure = check_structure(artifact, weights=weights)
            parity = replace(
                parity, checks=structure.checks, failures=(*parity.failures, *structure.failures)
            )
            parity = check.explained(parity)
        if replaces is not None and bench.gates.not_slower and artifact.target != "coreml":
            gate = _not_slower(bench, artifact, replaces)
            parity = replace(parity, gates=(*parity.gates, gate))
        return {"sha256": artifact.sha256, "parity": parity}

    result = bench.store.run(
        f"verify-{artifact.name}",
        inputs={
            "artifact": artifact.sha256,
            "layout": 2,  # of the result
            "reference": bench.sha256,
            "rows": bench.rows_key,
            "gates": bench.gates.model_dump(mode="json", exclude={"keep_rejected"}),
            "threads": bench.threads,
            "unrounded": ROWS,
            "replaces": replaces.sha256 if replaces else None,
            # int8 sums, times, and whether Core ML can be executed at all belong to a machine.
            "machine": [sys.platform, read_cpu()],
        },
        make=make,
        title=f"Verify {artifact.name}",
    )
    return from_json(Parity, result["parity"])


def row_check(bench: Workbench, artifact: Artifact) -> RowCheck:
    """An artifact beside the model that it was made from."""
    from edgekit.runtimes import open_runner
    from edgekit.stages.checking import RowCheck

    return RowCheck(
        artifact=artifact,
        candidate=open_runner(artifact.path, threads=bench.threads),
        reference=bench.reference,
        rows=bench.rows,
        labels=bench.labels,
        pad_id=bench.model.processor.pad_token_id,
        name=bench.name,
        module=bench.exportable.module,
        outputs=lambda: bench.reference_outputs,
    )


def _not_slower(bench: Workbench, artifact: Artifact, replaces: Artifact) -> Gate:
    """Paired, interleaved timing; the whole interval must not lie below 1."""
    from edgekit.batches import pad_rows
    from edgekit.benchmark.contestant import Contestant
    from edgekit.benchmark.cpu import machine
    from edgekit.benchmark.paired import faster
    from edgekit.runtimes import open_runner

    def contestant(one: Artifact) -> Contestant:
        runner = open_runner(one.path, threads=bench.threads)
        pad_id = bench.model.processor.pad_token_id
        return Contestant(
            name=one.name,
            runner=runner,
            encode=lambda row: pad_rows([row], runner.signature, pad_id=pad_id),
            path=one.path,
            parameters=one.parameters,
            size_bytes=one.size_bytes,
            sha256=one.sha256,
        )

    rows = list(bench.rows[:TIMED_ROWS])
    interval = faster(contestant(artifact), contestant(replaces), rows, rounds=ROUNDS, seed=0)
    name = f"times as fast as {replaces.name}"
    return Gate(name, 1.0, interval.value, interval.high >= 1.0, interval, machine(bench.threads))


def why_rejected(parity: Parity) -> str:
    """What failed, in words; "" if nothing did."""
    return "; ".join([*parity.failures, *(_failed(gate) for gate in parity.gates if not gate.passed)])


def _failed(gate: Gate) -> str:
    spread = f" (95 %: {gate.interval.low:.3g} to {gate.interval.high:.3g})" if gate.interval else ""
    place = f" on {gate.measured_on}" if gate.measured_on else ""
    return f"{gate.name} is {gate.value:.4g}{spread}{place}, the gate is {gate.limit:.4g}"


def reject(folder: Path, artifact: Artifact) -> Path:
    """Moves an artifact to `<folder>/rejected/`, replacing an older one of that name."""
    target = folder / "rejected" / artifact.target / artifact.path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        shutil.rmtree(target)
    if artifact.path.exists():
        artifact.path.replace(target)
    return target
