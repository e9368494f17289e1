"""ONNX Runtime's own format as stages: written from a verified ONNX file, and run against it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.codec import from_json
from edgekit.files import atomic, sha256_file
from edgekit.ort_format import OrtFile, open_file, required_operators, write_ort
from edgekit.types import Artifact

if TYPE_CHECKING:
    from edgekit.stages.artifacts import Built, Workbench

ROWS = 32  # that both files answer
OPERATORS = ".required_operators.config"


def with_ort(bench: Workbench, built: Built) -> Built:
    """The same with `model_….ort` and `model_….required_operators.config` beside the file, if that passed.

    Raises:
        ExportError: the `.ort` file answers differently.
    """
    artifact = built.artifact
    path = artifact.path.with_suffix(".ort")
    operators = artifact.path.with_suffix(OPERATORS)
    if built.rejected_because:
        for old in (path, operators):
            old.unlink(missing_ok=True)  # of an earlier run, in which it passed
        return built
    import onnxruntime

    result = bench.store.run(
        f"ort-{artifact.name}",
        inputs={
            "artifact": artifact.sha256,
            "rows": bench.rows_key,
            "runtime": onnxruntime.__version__,
        },
        outputs=[path, operators],
        make=lambda key: _write(bench, artifact, path, operators),
        title=f"Write {path.name}",
    )
    return replace(built, ort=from_json(OrtFile, {**result, "path": path, "operators": operators}))


def _write(bench: Workbench, artifact: Artifact, path: Path, operators: Path) -> OrtFile:
    with atomic(path) as temporary:
        difference = write_ort(
            artifact.path,
            temporary,
            output=artifact.signature.outputs[0].name,
            known=_known(bench, artifact),
            name=artifact.name,
        )
        told = required_operators(temporary)
    with atomic(operators) as temporary:
        temporary.write_text(told, encoding="utf-8")
    return OrtFile(path, operators, path.stat().st_size, sha256_file(path), difference)


def _known(bench: Workbench, artifact: Artifact) -> list[tuple[dict[str, Any], Any]]:
    """Rows, evenly, and what the verified file answers."""
    from edgekit.batches import pad_rows

    session, output = open_file(artifact.path), artifact.signature.outputs[0].name
    pad_id = bench.model.processor.pad_token_id
    rows = bench.rows[:: max(1, len(bench.rows) // ROWS)][:ROWS]
    feeds = [pad_rows([row], artifact.signature, pad_id=pad_id) for row in rows]
    return [(feed, session.run([output], feed)[0]) for feed in feeds]
