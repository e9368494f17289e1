"""Writes the web package: the template, the generated types, the model and its tables."""

from __future__ import annotations

import base64
import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from edgekit.files import atomic
from edgekit.kits.answers import Answer, samples_json
from edgekit.kits.manifest import FILE, Bundle, checked_manifest, write_text
from edgekit.kits.onnx_model import require_onnx
from edgekit.kits.tokenizer import Golden, TokenizerTables, write_golden
from edgekit.kits.web import versions
from edgekit.kits.web.code import index_code, label_type
from edgekit.kits.web.readme import readme, use_lines
from edgekit.types import Artifact, Parity

_TEMPLATE = Path(__file__).parent / "template"
KINDS = {"generation", "images", "audio"}  # its folders for what is no answer to a text
_FILES = {  # task → the file of its API
    "text-classification": "classifier",
    "multi-label-classification": "multi-label-classifier",
    "text-regression": "regressor",
    "token-classification": "tagger",
    "sentence-embedding": "embedder",
}
# Node's own modules, which a package can't be imported instead of, and names that npm refuses.
_NODE_MODULES = """
    assert buffer cluster console constants crypto dgram dns domain events fs http http2 https inspector
    module net os path perf-hooks process punycode querystring readline repl sea sqlite stream string-decoder
    sys test timers tls tty url util v8 vm wasi worker-threads zlib node-modules favicon-ico
"""
_TAKEN = frozenset(_NODE_MODULES.split())
# Bytes that are compared, which git must not give other line ends.
ATTRIBUTES = "*.txt -text\n*.json -text\n*.onnx binary\n"


def write_web(
    artifact: Artifact,
    parity: Parity,
    tables: TokenizerTables,
    folder: Path,
    *,
    name: str,
    golden: Sequence[Golden],
    answers: Sequence[Answer],
    licences: Mapping[str, str | None] | None = None,
) -> Bundle:
    """Writes an npm package that answers a string with the model's labels, tags, number or embedding.

    Args:
        artifact: an ONNX model that edgekit exported, of a text task.
        parity: of that artifact.
        tables: of the model's tokenizer, made for its maximum length.
        folder: becomes the package; an older kit there is replaced.
        name: of the product, in the author's words; the package is named after it.
        golden: nasty texts with their ids, for the package's own tests.
        answers: representative inputs and what a runner answered; tests replay them, and the benchmark runs
            them. At least one.
        licences: of the model, its teacher, its data: name → SPDX, None when it isn't known.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: it is no ONNX model, its task or its interface has no web kit, or `folder` holds
            something else.
        DiskFull: no space was left.
    """
    require_onnx(artifact, kit="web kit", tasks=_FILES)
    manifest = checked_manifest(
        artifact,
        parity,
        tables,
        folder,
        platform="web",
        golden=golden,
        answers=answers,
        licences=licences,
    )
    slug, task_file, labels = slug_of(name), _FILES[artifact.signature.task], artifact.signature.labels
    with atomic(folder) as made:
        copy_template(
            made,
            task_file,
            {"@SLUG@": slug, "@TASK@": artifact.signature.task},
            keep=lambda file: not KINDS & set(file.parts),
        )
        index = index_code(task_file, labelled=bool(labels))
        for file in ("src/index.ts", "js/index.js", "js/index.d.ts"):
            write_text(made / file, index)
        if labels:
            write_text(made / "src/label.ts", label_type(labels))
            write_text(made / "js/label.d.ts", label_type(labels))
            write_text(made / "js/label.js", "export {};\n")
        for file, content in tables.files.items():
            write_text(made / "model" / file, content)
        shutil.copyfile(artifact.path, made / "model" / f"model{artifact.path.suffix}")
        write_text(made / "model" / "kit.json", as_json(_kit(artifact, tables, answers, name, manifest)))
        write_text(made / "test/samples.json", as_json(samples_json(artifact.signature, answers)))
        write_golden(golden, made / "test/golden.txt")
        write_text(made / ".gitattributes", ATTRIBUTES)
        # onnxruntime-node brings what it needs; its install script fetches more, for GPUs.
        write_text(made / ".npmrc", "ignore-scripts=true\n")
        write_text(made / FILE, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        write_text(made / "README.md", readme(artifact, parity, name=name, slug=slug))
    return Bundle("web", folder, artifact, manifest, use_lines(artifact.signature.task, folder, slug))


def slug_of(name: str) -> str:
    """A product's name as npm has names."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name[:60]) if not unicodedata.combining(c))
    slug = "-".join(re.findall("[a-z0-9]+", plain.lower())) or "kit"
    return f"{slug}-kit" if slug in _TAKEN else slug


def copy_template(
    made: Path, task_file: str, given: Mapping[str, str], *, keep: Callable[[Path], bool]
) -> None:
    """The template's files for one task.

    Args:
        given: what stands for a placeholder in package.json.
        keep: whether a file of the template, by its path there, belongs to the package.
    """
    values = {**given, **{f"@{name}@": value for name, value in vars(versions).items() if name.isupper()}}
    for source in sorted(_TEMPLATE.rglob("*")):
        relative = source.relative_to(_TEMPLATE)
        if source.is_dir() or relative.stem.split(".")[0] == "label" or not keep(relative):
            continue
        if relative.parent.name == "tasks":
            if relative.name.split(".")[0] != task_file:
                continue
            if relative.parts[0] == "test":
                relative = Path("test/task.test.mjs")
        text = source.read_text(encoding="utf-8")
        if relative.name == "package.json":
            for key, value in values.items():
                text = text.replace(key, value)
        write_text(made / relative, text)


def _kit(
    artifact: Artifact,
    tables: TokenizerTables,
    answers: Sequence[Answer],
    name: str,
    manifest: Mapping[str, Any],
) -> dict[str, Any]:
    """kit.json: what the code reads before it reads anything else."""
    signature, model = artifact.signature, f"model{artifact.path.suffix}"
    digests = {file: sha256(content.encode()).digest() for file, content in tables.files.items()}
    digests[model] = bytes.fromhex(artifact.sha256)
    return {
        "format": "edgekit web kit 1.0",
        "edgekit_version": manifest["edgekit_version"],
        "name": name,
        "artifact": about(manifest),
        "model": model,
        "inputs": {spec.name: spec.dtype for spec in signature.inputs},
        "output": signature.outputs[0].name,
        "labels": list(signature.labels),
        "max_length": signature.max_length,
        "pairs": any(answer.pair is not None for answer in answers),
        "integrity": {file: f"sha256-{base64.b64encode(d).decode()}" for file, d in digests.items()},
    }


def about(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Which model it is, for kit.json."""
    names = ("name", "target", "precision", "task", "sha256", "size_bytes", "parameters")
    return {name: manifest["model"][name] for name in names}


def as_json(value: Any) -> str:
    """One line."""
    return json.dumps(value, separators=(",", ":")) + "\n"
