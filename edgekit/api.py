"""The single steps as Python functions; each command is a thin layer over one of them.

They take any model folder that transformers can load, and any file that edgekit exported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.codec import to_json
from edgekit.errors import DataError, ModelError, RecipeError
from edgekit.files import PACKAGES, folder_lock, sha256_file, sha256_json, sha256_path, size_bytes
from edgekit.quiet import hush
from edgekit.recipe.schema import Asset, Benchmark, Data, Export, Gates
from edgekit.stages.decoder_artifacts import export_decoder as export_decoder
from edgekit.stages.decoder_artifacts import verify_decoder as verify_decoder
from edgekit.stages.decoder_settings import decoder_settings as decoder_settings
from edgekit.stages.decoder_source import is_decoder as is_decoder
from edgekit.stages.decoder_source import read_texts as read_texts
from edgekit.stages.llm_measuring import bench_llm as bench_llm
from edgekit.types import Artifact, BenchResult, LabelledFile, Model, Parity, Prediction, Rows, Signature

if TYPE_CHECKING:
    from edgekit.advice.advise import Advice
    from edgekit.pipeline import RunResult
    from edgekit.stages.artifacts import Built, Workbench
    from edgekit.stages.checking import Prepared
    from edgekit.types import Trail


def _columns(data: LabelledFile) -> Data:
    """A file's columns as a recipe's data section. Rows are judged as they stand, repeated ones too."""
    return Data(
        source=Asset(path=data.path),
        text=data.text,
        text_pair=data.text_pair,
        label=data.label,
        label_separator=data.label_separator,
        drop_empty=True,
        deduplicate=False,
    )


def load(path: Path | str, *, max_length: int | None = None, task: str | None = None) -> Model:
    """Loads a model folder, with its labels from its own head.

    Args:
        task: None takes the one that the folder says it is for.

    Raises:
        ModelError: no head, damaged files, or a tokenizer for another vocabulary.
        AssetError: not a safe, complete model folder.
    """
    from edgekit.assets.fetch import fetch
    from edgekit.models.load import load_model
    from edgekit.models.tasks import task_of

    folder = Path(path)
    if folder.is_file():
        raise ModelError(
            f"{folder} is a file; this step needs the model folder it was made from.",
            remedy="Give the folder with config.json and model.safetensors.",
        )
    source = fetch(Asset(path=folder), kind="model")
    name = folder.resolve().name
    length = max_length or _own_length(folder)
    return load_model(source, name=name, task=task or task_of(folder), max_length=length)


def _own_length(folder: Path) -> int:
    """Tokens a folder says it takes; 128 for the many that say nothing sensible. Arrays keep their own."""
    from edgekit.models.load import load_processor

    limit = int(load_processor(folder, uri=str(folder)).model_max_length)
    return limit if limit <= 8192 else 128


def distill_model(
    teacher: str, data: LabelledFile, *, out: Path | None = None, command: str = "", **options: Any
) -> RunResult:
    """Distils a teacher into a student with fewer layers, on a labelled file.

    Args:
        teacher: a folder, `hub:ORGANISATION/NAME@REVISION`, or a file inside a pinned package.
        options: as `edgekit.adhoc.adhoc_recipe` takes them: layers, epochs, temperature, exports …

    Raises:
        As `run_recipe`.
    """
    from edgekit.adhoc import adhoc_recipe
    from edgekit.pipeline import run_recipe

    recipe = adhoc_recipe(teacher, data, name=out.resolve().name if out else "", **options)
    return run_recipe(recipe, out=out, command=command)


def export_model(
    model: Path | str,
    *,
    targets: Sequence[str],
    precisions: Mapping[str, Sequence[str]] | None = None,
    out: Path | None = None,
    data: LabelledFile | None = None,
    gates: Gates | None = None,
    max_length: int | None = None,
    minimum_deployment_target: str = "iOS17",
    shapes: str = "range",
    threads: int = 1,
    **compression: Any,
) -> list[Built]:
    """Exports a model folder to each target; every file is verified against the folder.

    Args:
        targets: "onnx", "onnxruntime", "coreml", "coreai".
        precisions: target → precisions; the plain one of each target by default.
        compression: `block_size`, `mixed` and the other settings of a recipe's export.
        out: results folder; `exported/<folder's name>` when None.
        data: labelled rows for the metric gate; without them numbers and labels are compared on random
            tokens, and no metric is judged.

    Raises:
        ExportError: an unknown target, or an operation that a target doesn't have.
        RecipeError: a precision that a target or deployment target doesn't have; every problem is named.
        RunLocked: another process works on `out`.
    """
    from edgekit.export.targets import get_target
    from edgekit.stages.artifacts import build_target

    settings = {"minimum_deployment_target": minimum_deployment_target, "shapes": shapes, **compression}
    exports = []
    for name in dict.fromkeys(targets):
        chosen = (precisions or {}).get(name) or (get_target(name).precisions[0],)
        exports.append(_export_section(target=name, precisions=tuple(chosen), **settings))
    folder = Path(model)
    loaded = load(folder, max_length=max_length)
    destination = out or Path("exported") / loaded.name
    with folder_lock(destination):
        bench = _workbench(loaded, folder, destination, data=data, gates=gates or Gates(), threads=threads)
        return [built for export in exports for built in build_target(bench, export)]


def _export_section(**values: Any) -> Export:
    """One export of a recipe from plain arguments."""
    from pydantic import ValidationError

    try:
        return Export.model_validate(values)
    except ValidationError as error:
        problems = tuple(
            str(one.get("ctx", {}).get("error", f"{one['input']!r}: {one['msg']}")) for one in error.errors()
        )
        raise RecipeError(
            f"{values['target']} can't be written so: {'; '.join(problems)}.",
            remedy="`edgekit quantize --help` lists the precisions and what each needs.",
            problems=problems,
        ) from None


def quantize_model(
    model: Path | str,
    *,
    targets: Sequence[str] = ("onnx",),
    precisions: Sequence[str] = ("int8",),
    **options: Any,
) -> list[Built]:
    """Compressed copies for each target; an ONNX copy is kept only if it is faster than what it replaces, and
    every copy only if it loses little.

    Takes the other options of `export_model`.
    """
    from edgekit.export.targets import get_target

    chosen = {name: (get_target(name).precisions[0], *precisions) for name in targets}
    return export_model(_folder_of(Path(model)), targets=targets, precisions=chosen, **options)


def _folder_of(model: Path) -> Path:
    """The model folder that an exported file came from, when it lies where edgekit put it."""
    if model.suffix in (".onnx", *PACKAGES):
        folder = model.absolute().parent.parent
        if not (folder / "model.safetensors").is_file():
            raise ModelError(
                f"{model} lies in no model folder; a precision plan is made from the weights.",
                remedy="Give the model folder instead of the exported file.",
            )
        return folder
    return model


def _workbench(
    model: Model, folder: Path, out: Path, *, data: LabelledFile | None, gates: Gates, threads: int
) -> Workbench:
    from edgekit.stages.artifacts import Workbench
    from edgekit.stages.store import Store

    rows, truth = evaluation_rows(model, data)
    sha256 = sha256_file(folder / "model.safetensors") if (folder / "model.safetensors").is_file() else ""
    return Workbench(
        store=Store(out),
        load=lambda: model,
        name=model.name,
        sha256=sha256 or model.source.sha256,
        folder=out,
        rows=rows,
        labels=truth,
        rows_key=sha256_json(to_json([rows, truth])),
        gates=gates,
        provenance={"model": model.name, "weights_sha256": sha256 or model.source.sha256},
        threads=threads,
    )


def evaluation_rows(model: Model, data: LabelledFile | None) -> tuple[Rows, Sequence[Any]]:
    """Tokenised rows of a labelled file with their truths, or random tokens when there is none."""
    from edgekit.verify.probe import probe_rows

    if data is None:
        return probe_rows(model.processor, model.signature), ()
    from edgekit.data.evaluation import load_evaluation
    from edgekit.data.judged import judged_rows

    task, limit = model.signature.task, model.signature.max_length or 128
    split = load_evaluation(data.path, _columns(data), labels=model.signature.labels, task=task)
    return judged_rows(task, model.processor, split, limit)


def verify_artifact(
    artifact: Path | str,
    *,
    against: Path | str,
    data: LabelledFile | None = None,
    inputs: Path | None = None,
    gates: Gates | None = None,
    threads: int = 1,
) -> tuple[Artifact, Parity]:
    """Runs an exported file and compares it with what it should compute; writes nothing.

    Args:
        artifact: an ONNX file or a Core ML package, edgekit's or not; with its first divergence if it fails.
        against: a model folder, an ONNX file, or `file.py:factory`: a callable, which is run, returning a
            PyTorch module that takes the package's inputs and gives its outputs, or its task's logits.
        data: labelled rows for the task metric.
        inputs: a `.npz` file with a package's inputs; None makes random ones.

    Raises:
        ModelError: one of the two can't be read, or their interfaces differ.
        DataError: inputs can't be made up for the package, or rows can't be read for it.
    """
    from edgekit.stages.artifacts import verify

    with _check(artifact, against, data, inputs, gates, threads) as (check, bench):
        if bench is not None:
            return check.artifact, verify(bench, check.artifact, replaces=None)
        return check.artifact, check.explained(check.parity(gates or Gates()))


def explain_artifact(
    artifact: Path | str, *, against: Path | str, picture: Path | None = None, **options: Any
) -> Trail:
    """Follows a Core ML package operation by operation, on the row that shows most.

    Takes the options of `verify_artifact`; draws the error along depth to `picture` (.svg, .png or .pdf).
    """
    from edgekit.report.trail_chart import draw_trail

    with _check(artifact, against, **{"data": None, "inputs": None, "gates": None, **options}) as (check, _):
        trail = check.trail()
    return draw_trail(trail, picture) if picture else trail


def _check(
    path: Path | str, against: Path | str, data: Any, inputs: Any, gates: Any, threads: int = 1
) -> AbstractContextManager[Prepared]:
    from edgekit.stages.checking import prepared

    hush()
    bench = partial(_workbench, data=data, gates=gates or Gates(), threads=threads)
    rows = None if data is None else partial(evaluation_rows, data=data)
    return prepared(
        Path(path), str(against), inputs=inputs, threads=threads, load=load, bench=bench, rows=rows
    )


def bench_models(
    models: Sequence[Path | str],
    *,
    data: LabelledFile,
    config: Benchmark | None = None,
    seed: int = 0,
) -> BenchResult:
    """Measures model folders and exported files in one process, interleaved; the first is the reference.

    Raises:
        ModelError: one of them can't be read, or their labels differ.
    """
    from edgekit.data.evaluation import load_evaluation
    from edgekit.models.load import load_processor
    from edgekit.runtimes.describe import describe_artifact
    from edgekit.stages.measuring import Entry, entry_of, measure

    hush()
    entries: list[Entry] = []
    first: Signature | None = None
    for model in map(Path, models):
        if model.is_dir() and model.suffix not in PACKAGES:
            loaded = load(model)
            weights = model / "model.safetensors"
            size = size_bytes(weights if weights.is_file() else model)
            entry = Entry(
                str(model), model, loaded.processor, loaded.parameters, size, sha256_path(weights), None
            )
            own = loaded.signature
        else:
            artifact = describe_artifact(model)
            processor = load_processor(model.parent, uri=str(model.parent))
            entry = entry_of(replace(artifact, name=str(model)), processor)
            own = artifact.signature
        first = first or own
        if (own.task, own.labels) != (first.task, first.labels):
            raise ModelError(
                f"{model} is for {own.task} with the labels {list(own.labels)}, "
                f"{models[0]} for {first.task} with {list(first.labels)}.",
                remedy="Compare models of the same task.",
            )
        entries.append(entry)
    if first is None:
        raise ModelError("There is no model to measure.", remedy="Give at least one.")
    split = load_evaluation(data.path, _columns(data), labels=first.labels, task=first.task)
    return measure(
        entries,
        split.inputs,
        split.labels,
        config=config or Benchmark(),
        seed=seed,
        reference=entries[0].name,
    )


def predict(model: Path | str, inputs: Iterable[Any], *, threads: int = 1) -> list[Prediction]:
    """Answers texts with a model folder or an exported file; what an answer holds depends on the task.

    Args:
        inputs: texts, pairs of texts, or files of images or sounds; for a masked-lm, texts with [MASK] where
            a word is missing.

    Raises:
        DataError: an empty text, or one without a mask where one is needed.
        ModelError: not a model, or damaged, or it answers with numbers that are not finite.
        ExportError: the artifact can't be executed on this machine.
    """
    from edgekit.stages.predicting import predictor

    path = Path(model)
    texts = list(inputs)
    for i, text in enumerate(texts, start=1):
        if not (text.strip() if isinstance(text, str) else all(part.strip() for part in text)):
            raise DataError(f"Text {i} is empty.", remedy="Give at least one word.")
    if not path.exists():
        raise ModelError(f"{path} does not exist.", remedy="Check the path.")
    answer = predictor(path, threads=threads)
    return [answer(text) for text in texts]


def advise(path: Path | str, *, lengths: Sequence[int] = ()) -> Advice:
    """What in a Core ML package may leave the Neural Engine or cost memory, and lower bounds of its time.

    Args:
        lengths: extents of its flexible axes, such as tokens; the package's own default when empty.

    Raises:
        ModelError: not a readable ML Program, or a length that it doesn't take.
        MissingExtra: coremltools is not installed.
    """
    from edgekit.advice.advise import advise as read

    hush()
    return read(Path(path), lengths=lengths)
