"""Writes the web package of an image classifier: the template's part for images, the model and its tests."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgekit.files import atomic
from edgekit.kits.images import GoldenImage, ImageAnswer, ImageInput, write_golden_images
from edgekit.kits.images.interface import image_samples_json
from edgekit.kits.manifest import FILE, Bundle, checked_manifest, write_text
from edgekit.kits.onnx_model import require_image_onnx
from edgekit.kits.web.code import index_code, label_type
from edgekit.kits.web.readme_images import readme, use_lines
from edgekit.kits.web.write import ATTRIBUTES, about, as_json, copy_template, slug_of
from edgekit.types import Artifact, Parity

_OWN = Path(__file__).parent / "images"  # files beside the template's
_TASK_FILE = "image-classifier"
# What a package for images alone has no use for, or has as a file of its own.
_LEFT_OUT = {
    "generation", "tokenizer", "benchmark", "engine", "words",
    "demo.js", "answers.js", "kit.test.mjs", "samples.mjs", "index.html",
}  # fmt: skip


def write_web_images(
    artifact: Artifact,
    parity: Parity,
    given: ImageInput,
    folder: Path,
    *,
    name: str,
    golden: Sequence[GoldenImage],
    answers: Sequence[ImageAnswer],
    licences: Mapping[str, str | None] | None = None,
) -> Bundle:
    """Writes an npm package that answers an image with the probability of every label.

    Args:
        artifact: an ONNX image classifier that edgekit exported.
        parity: of that artifact.
        given: how Python's front end prepares images.
        folder: becomes the package; an older kit there is replaced.
        name: of the product, in the author's words; the package is named after it.
        golden: images with their prepared pixels, for the package's own tests.
        answers: images and what a runner answered; tests replay them, the benchmark runs them, and the page
            offers them as examples. At least one.
        licences: of the model, its teacher, its data: name → SPDX, None when it isn't known.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: it is no ONNX image classifier, or `folder` holds something else.
        DiskFull: no space was left.
    """
    require_image_onnx(artifact, given, kit="a web kit for images")
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
    with atomic(folder) as made:
        copy_template(made, _TASK_FILE, {"@SLUG@": slug, "@TASK@": signature.task}, keep=_kept)
        for source in _OWN.rglob("*.*"):
            write_text(made / source.relative_to(_OWN), source.read_text(encoding="utf-8"))
        _package(made / "package.json")
        for file in ("src/index.ts", "js/index.js", "js/index.d.ts"):
            write_text(made / file, index_code(_TASK_FILE, labelled=True))
        for file in ("src/benchmark.ts", "js/benchmark.js", "js/benchmark.d.ts"):
            write_text(made / file, 'export * from "./images/benchmark.js";\n')
        write_text(made / "src/label.ts", label_type(signature.labels))
        write_text(made / "js/label.d.ts", label_type(signature.labels))
        write_text(made / "js/label.js", "export {};\n")
        model = f"model{artifact.path.suffix}"
        write_text(made / "model" / "kit.json", as_json(_kit(artifact, given, name, manifest)))
        shutil.copyfile(artifact.path, made / "model" / model)
        write_text(made / "test/samples.json", as_json(image_samples_json(signature, answers)))
        write_golden_images(golden, made / "test/golden.txt")
        write_text(made / ".gitattributes", ATTRIBUTES)
        write_text(made / ".npmrc", "ignore-scripts=true\n")
        write_text(made / FILE, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        write_text(made / "README.md", readme(artifact, parity, name=name, slug=slug))
    return Bundle("web", folder, artifact, manifest, use_lines(folder, slug))


def _kept(file: Path) -> bool:
    """Whether a file of the template, by its path there, belongs to a package for images."""
    if file.parent.name == "images":
        return True
    return not {*file.parts, file.name.split(".")[0]} & _LEFT_OUT


def _package(path: Path) -> None:
    """package.json, in the words of images."""
    told = json.loads(path.read_text(encoding="utf-8"))
    told["description"] = "Images are classified on the device: image in, answer out."
    told["scripts"]["test"] = "node --test test/images.test.mjs"
    write_text(path, json.dumps(told, indent=2) + "\n")


def _kit(artifact: Artifact, given: ImageInput, name: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
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
        "image": asdict(given),
        "integrity": {model: f"sha256-{digest}"},
    }
