"""Writes the web package of a classifier of images or clips: what both kinds have alike."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from edgekit.files import atomic
from edgekit.kits.audio import AudioInput
from edgekit.kits.images import ImageInput
from edgekit.kits.manifest import FILE, Bundle, checked_manifest, front_end_json, write_text
from edgekit.kits.onnx_model import require_classifier_onnx
from edgekit.kits.web.code import index_code, label_type
from edgekit.kits.web.readme_classifier import Words, readme, use_lines
from edgekit.kits.web.write import ATTRIBUTES, KINDS, about, as_json, copy_template, slug_of
from edgekit.types import Artifact, Parity, Signature

_HERE = Path(__file__).parent
_FORM = "form.html"  # of a kind: what stands in the page's frame
# What a package without texts has no use for, or has as a file of its own.
_LEFT_OUT = {
    "tokenizer", "benchmark", "engine", "words",
    "demo.js", "answers.js", "kit.test.mjs", "samples.mjs", "index.html",
}  # fmt: skip

Answer = TypeVar("Answer")
Golden = TypeVar("Golden")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a package for one kind of input has of its own."""

    folder: str  # of its part of the template, and of its files beside the template: "images"
    task_file: str  # "image-classifier"
    description: str  # in package.json
    words: Words


def write_classifier(
    kind: Kind,
    artifact: Artifact,
    parity: Parity,
    given: ImageInput | AudioInput,
    folder: Path,
    *,
    name: str,
    golden: Sequence[Golden],
    write_golden: Callable[[Sequence[Golden], Path], Path],
    answers: Sequence[Answer],
    samples_json: Callable[[Signature, Sequence[Answer]], dict[str, Any]],
    licences: Mapping[str, str | None] | None,
) -> Bundle:
    """As `write_web_images` and `write_web_audio`, which see.

    Args:
        write_golden: writes them into a file.
        samples_json: the content of a file with the answers.
    """
    require_classifier_onnx(artifact, given, kit=f"a web kit for {kind.folder}")
    manifest = checked_manifest(
        artifact,
        parity,
        given,
        folder,
        platform="web",
        golden=golden,
        answers=answers,
        licences=licences,
    )
    slug, signature = slug_of(name), artifact.signature
    own = _HERE / kind.folder
    with atomic(folder) as made:
        values = {"@SLUG@": slug, "@TASK@": signature.task}
        copy_template(made, kind.task_file, values, keep=lambda file: _kept(file, kind))
        for source in own.rglob("*.*"):
            if source.name != _FORM:
                write_text(made / source.relative_to(own), source.read_text(encoding="utf-8"))
        write_text(made / "index.html", _page(kind))
        _package(made / "package.json", kind)
        for file in ("src/index.ts", "js/index.js", "js/index.d.ts"):
            write_text(made / file, index_code(kind.task_file, labelled=True))
        for file in ("src/benchmark.ts", "js/benchmark.js", "js/benchmark.d.ts"):
            write_text(made / file, f'export * from "./{kind.folder}/benchmark.js";\n')
        write_text(made / "src/label.ts", label_type(signature.labels))
        write_text(made / "js/label.d.ts", label_type(signature.labels))
        write_text(made / "js/label.js", "export {};\n")
        model = f"model{artifact.path.suffix}"
        write_text(made / "model" / "kit.json", as_json(_kit(artifact, given, name, manifest)))
        shutil.copyfile(artifact.path, made / "model" / model)
        write_text(made / "test/samples.json", as_json(samples_json(signature, answers)))
        write_golden(golden, made / "test/golden.txt")
        write_text(made / ".gitattributes", ATTRIBUTES)
        write_text(made / ".npmrc", "ignore-scripts=true\n")
        write_text(made / FILE, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        write_text(made / "README.md", readme(artifact, parity, kind.words, name=name, slug=slug))
    return Bundle("web", folder, artifact, manifest, use_lines(kind.words, folder, slug))


def _kept(file: Path, kind: Kind) -> bool:
    """Whether a file of the template, by its path there, belongs to a package of this kind."""
    if file.parent.name == kind.folder:
        return True
    left_out = _LEFT_OUT | KINDS
    return not {*file.parts, file.name.split(".")[0]} & left_out


def _page(kind: Kind) -> str:
    """The page's frame around the kind's form."""
    page = (_HERE / "page.html").read_text(encoding="utf-8")
    for key, value in {
        "@KIND@": kind.folder,
        "@INPUTS@": kind.words.inputs,
        "@FORM@": (_HERE / kind.folder / _FORM).read_text(encoding="utf-8"),
    }.items():
        page = page.replace(key, value)
    return page


def _package(path: Path, kind: Kind) -> None:
    """package.json, in the words of the kind."""
    told = json.loads(path.read_text(encoding="utf-8"))
    told["description"] = kind.description
    told["scripts"]["test"] = f"node --test test/{kind.folder}.test.mjs"
    write_text(path, json.dumps(told, indent=2) + "\n")


def _kit(
    artifact: Artifact, given: ImageInput | AudioInput, name: str, manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """kit.json: what the code reads before it reads anything else."""
    signature, model = artifact.signature, f"model{artifact.path.suffix}"
    digest = base64.b64encode(bytes.fromhex(artifact.sha256)).decode()
    return {
        "format": "edgekit web kit 1.0",
        "edgekit_version": manifest["edgekit_version"],
        "name": name,
        "artifact": about(manifest),
        "model": model,
        "inputs": {spec.name: spec.dtype for spec in signature.inputs},
        "output": signature.outputs[0].name,
        "labels": list(signature.labels),
        "max_length": None,
        **front_end_json(given),
        "integrity": {model: f"sha256-{digest}"},
    }
