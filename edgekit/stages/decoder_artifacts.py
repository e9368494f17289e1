"""Decoders from a model to shipped files: memory, export, verification of the file, and its gates."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.codec import from_json
from edgekit.decoder_parity import DecoderParity
from edgekit.errors import ModelError
from edgekit.export.decoder_memory import MemoryPhase
from edgekit.files import PACKAGES, folder_lock, sha256_json
from edgekit.stages.decoder_settings import STEPS, DecoderSettings
from edgekit.stages.decoder_source import decoder_bytes, read_texts
from edgekit.stages.decoder_stored import STORED, cache_kind, stored_weights
from edgekit.stages.store import Store
from edgekit.types import Artifact

if TYPE_CHECKING:
    from edgekit.models.decoders.load import LoadedModel

GRAPH = "model.onnx"


@dataclass(frozen=True, slots=True)
class BuiltDecoder:
    """An exported decoder: how far it is from its model, what it took, why it was rejected ( if not)."""

    artifact: Artifact
    parity: DecoderParity
    memory: tuple[MemoryPhase, ...]  # as estimated beforehand
    seconds: float  # of the conversion, loading left out
    peak_bytes: int  # of the conversion's process, model included
    rejected_because: str


def build_decoder(
    model: Path,
    folder: Path,
    exports: Sequence[tuple[str, str]],
    *,
    name: str,
    store: Store | None = None,
    settings: DecoderSettings | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> list[BuiltDecoder]:
    """Every artifact of a decoder: memory estimated, written, verified against the model, gated.

    What fails its gates moves to `<folder>/rejected/`. Nothing is made twice from the same bytes.

    Args:
        model: a Hub-layout folder with safetensors, or a `.gguf` file: the reference too, as transformers
            runs it in fp32.
        folder: artifacts go to `<folder>/onnxruntime[-precision]/` and `<folder>/<target>/`, whose lock the
            caller holds.
        exports: target and precision, see `edgekit.export.decoder_targets`.
        name: of the model, in artifacts and messages.
        store: stage records; None: those of `folder`.
        provenance: hashes of what the model was made from, written into every artifact.

    Raises:
        ExportError: a target, precision, family or setting that can't be expressed, or too little memory.
        ModelError: the model can't be loaded.
        DiskFull: nothing was overwritten.
    """
    from edgekit.export.decoder_targets import check_decoder_target
    from edgekit.stages.decoder_conversion import Conversions
    from edgekit.stages.decoder_memory import available_bytes, memory_of, require_memory

    how = settings or DecoderSettings()
    wanted = list(dict.fromkeys(exports))
    for target, precision in wanted:
        check_decoder_target(target, precision, how.of(target))
    memory = {one: memory_of(model, *one, context=how.of(one[0]).context) for one in wanted}
    available = available_bytes() if how.available_bytes is None else how.available_bytes
    for (target, precision), phases in memory.items():
        require_memory(name, target, precision, phases, available=available, force=how.force)
    bench = _Bench(model, folder, name, store or Store(folder), how, dict(provenance or {}))
    with Conversions(model) as conversions:
        made = [bench.export(conversions, target, precision) for target, precision in wanted]
    return [bench.judged(result, memory[one]) for one, result in zip(wanted, made, strict=True)]


@dataclass
class _Bench:
    """One decoder on its way to artifacts; the reference is loaded when it is first needed."""

    model: Path
    folder: Path
    name: str
    store: Store
    settings: DecoderSettings
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def bytes(self) -> Any:
        return decoder_bytes(self.model)

    @cached_property
    def reference(self) -> LoadedModel:
        from edgekit.models.decoders.load import load_causal_lm

        progress.say(f"Loading {self.name}, the reference")
        return load_causal_lm(self.model)

    def export(self, conversions: Any, target: str, precision: str) -> dict[str, Any]:
        """Writes one artifact; what `Conversions.run` says of it."""
        from edgekit.export.decoder_targets import decoder_path

        path = decoder_path(self.folder, target, precision)
        options = self.settings.of(target).used_by(target)
        told = {"model": self.name, "weights_sha256": self.bytes.weights, **self.provenance}

        title = f"{self.name}-{target}-{precision}"

        def make(key: str) -> dict[str, Any]:
            with progress.bar(f"Exporting {title}", 1, "files") as bar:
                found = conversions.run(
                    target=target,
                    precision=precision,
                    path=path.absolute(),
                    name=self.name,
                    options=options,
                    provenance=told,
                )
                bar.advance()
            return found

        result = self.store.run(
            f"export-{title}",
            inputs={"model": self.bytes.all, "provenance": told, **options},
            outputs=[path],
            make=make,
            title=f"Export {title}",
        )
        return {
            **result,
            "artifact": from_json(Artifact, {**result["artifact"], "path": path, "name": title}),
        }

    def judged(self, result: Mapping[str, Any], memory: tuple[MemoryPhase, ...]) -> BuiltDecoder:
        """Verifies an artifact, and moves it away if it fails."""
        from edgekit.stages.artifacts import reject

        artifact: Artifact = result["artifact"]
        parity = self.verified(artifact)
        reason = _why_rejected(parity)
        if reason:
            progress.say(f"{artifact.name}: rejected: {reason}")
            if not self.settings.keep_rejected:
                moved = reject(self.folder, artifact)
                _front_end(artifact.path, moved)
                artifact = replace(artifact, path=moved)
        return BuiltDecoder(artifact, parity, memory, result["seconds"], result["peak_bytes"], reason)

    def verified(self, artifact: Artifact) -> DecoderParity:
        """The parity of one artifact, judged by its precision's gates."""
        from edgekit.benchmark.cpu import read_cpu
        from edgekit.verify.decoder_gates import gates_of, judge, with_limits

        how = self.settings
        texts = list(how.texts or read_texts(None))
        gates = with_limits(gates_of(artifact.precision, cache_kind(artifact)), **how.limits)

        def make(key: str) -> DecoderParity:
            return judge(compared(artifact, self.reference, texts, name=self.name, settings=how), gates)

        result = self.store.run(
            f"verify-{artifact.name}",
            inputs={
                "artifact": artifact.sha256,
                "reference": self.bytes.all,
                "texts": sha256_json(texts),
                "steps": how.steps or STEPS[artifact.target],
                "gates": gates,
                "checks": ("stored weights",),
                "machine": read_cpu(),  # int8 products belong to a machine
            },
            make=make,
            title=f"Verify {artifact.name}",
        )
        return from_json(DecoderParity, result)


def compared(
    artifact: Artifact, loaded: LoadedModel, texts: Sequence[str], *, name: str, settings: DecoderSettings
) -> DecoderParity:
    """Runs an exported decoder and its model on the same texts, and compares the stored weights with the
    model's; no gate is judged yet.

    Args:
        artifact: its path is an ONNX folder or a package with the tokenizer beside it.
        loaded: the reference.

    Raises:
        ModelError: the artifact can't be opened, has no tokenizer, or another vocabulary than its model.
        DataError: no text has a token.
    """
    from edgekit.runtimes.decoder import open_decoder
    from edgekit.runtimes.decoder_transformers import TransformersDecoder
    from edgekit.verify.decoder import compare_decoders

    opened = open_decoder(artifact.path, threads=settings.threads)
    encoded = [(text, list(opened.processor(text)["input_ids"])) for text in texts]
    if any(ids != list(loaded.processor(text)["input_ids"]) for text, ids in encoded):
        raise ModelError(
            f"The tokenizer of {artifact.path} reads other tokens than that of {name}.",
            remedy="Compare it with the model that it was exported from, or export it again.",
        )
    reference = TransformersDecoder(loaded.model, context=opened.runner.context, threads=settings.threads)
    stored, wrong = stored_weights(artifact, loaded) if artifact.target in STORED else (None, ())
    parity = compare_decoders(
        artifact,
        opened.runner,
        reference,
        encoded,
        name=name,
        stop_ids=loaded.stop_ids,
        steps=settings.steps or STEPS[artifact.target],
    )
    return replace(parity, stored=stored, failures=(*wrong, *parity.failures))


def export_decoder(
    model: Path | str,
    *,
    targets: Sequence[str],
    precisions: Sequence[str] = (),
    out: Path | None = None,
    settings: DecoderSettings | None = None,
) -> list[BuiltDecoder]:
    """Exports a decoder to each target; every file is verified against the model.

    Args:
        model: a folder whose config.json names a decoder, or a `.gguf` file.
        targets: "onnxruntime", "coreml", "coreai".
        precisions: of several targets each takes those that it has; its plain one by default.
        out: results folder; `exported/<model's name>` when None.

    Raises:
        As `build_decoder`.
        RunLocked: another process works on `out`.
    """
    from edgekit.export.decoder_targets import DECODER_PRECISIONS, check_decoder_target

    path = Path(model)
    name = path.stem if path.is_file() else path.resolve().name
    exports = []
    for target in targets:
        own = DECODER_PRECISIONS.get(target, ())
        check_decoder_target(target, next(iter(own), ""))
        # What none of them has stays, and is refused with a reason.
        others = {p for t in targets for p in DECODER_PRECISIONS.get(t, ())} - set(own)
        exports += [(target, p) for p in [p for p in precisions if p not in others] or own[:1]]
    folder = out or Path("exported") / name
    with folder_lock(folder):
        return build_decoder(path, folder, exports, name=name, settings=settings)


def verify_decoder(
    artifact: Path | str, *, against: Path | str, settings: DecoderSettings | None = None
) -> tuple[Artifact, DecoderParity]:
    """Runs an exported decoder and compares it with its model; writes nothing. Its precision's gates judge.

    Args:
        artifact: an ONNX folder or its `model.onnx`, or an `.mlpackage` with the tokenizer beside it.
        against: a folder whose config.json names a decoder, or a `.gguf` file.

    Raises:
        ModelError: one of the two can't be read, or they do not belong together.
    """
    from edgekit.models.decoders.load import load_causal_lm
    from edgekit.quiet import hush
    from edgekit.verify.decoder_gates import gates_of, judge, with_limits

    hush()
    how = settings or DecoderSettings()
    found = describe_decoder(Path(artifact))
    loaded, name = load_causal_lm(Path(against)), Path(against).name
    texts = how.texts or read_texts(None)
    gates = with_limits(gates_of(found.precision, cache_kind(found)), **how.limits)
    return found, judge(compared(found, loaded, texts, name=name, settings=how), gates)


def describe_decoder(path: Path) -> Artifact:
    """What an exported decoder was written as; its path is the folder or the package.

    Raises:
        ModelError: not a decoder that edgekit exported.
    """
    from edgekit.export.exportable import artifact
    from edgekit.runtimes.describe import describe_artifact

    folder = path.parent if path.name == GRAPH else path
    package = path.suffix in PACKAGES
    if not package and not (folder / "genai_config.json").is_file():
        raise ModelError(
            f"{path} is no exported decoder.",
            remedy="Give a folder with genai_config.json, an .mlpackage or an .aimodel.",
        )
    told = describe_artifact(path if package else folder / GRAPH)
    if told.signature.task != "text-generation":
        raise ModelError(
            f"{path} is for {told.signature.task}, and its reference is a decoder.",
            remedy="Compare it with the model that it was exported from.",
        )
    return artifact(
        folder,
        name=folder.name,
        target=told.target,
        precision=told.precision,
        signature=told.signature,
        parameters=told.parameters,
    )


def _why_rejected(parity: DecoderParity) -> str:
    failed = [f"{g.name} is {g.value:.4g}, the gate is {g.limit:.4g}" for g in parity.gates if not g.passed]
    return "; ".join([*parity.failures, *failed])


def _front_end(path: Path, moved: Path) -> None:
    """A package that was moved away needs its tokenizer beside it still."""
    if path.suffix in PACKAGES:
        for file in path.parent.iterdir():
            if file.is_file():
                shutil.copy(file, moved.parent)
