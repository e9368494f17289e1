"""Writes the web package of a decoder: the template's part that generates, the model and its tables."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from edgekit.files import atomic, sha256_file
from edgekit.kits.generation.golden import FILE as GOLDEN
from edgekit.kits.generation.golden import write_generation_golden
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.kits.manifest import FILE, Bundle, write_text
from edgekit.kits.onnx_model import require_decoder
from edgekit.kits.tokenizer import write_golden
from edgekit.kits.web.code import index_code
from edgekit.kits.web.readme_generator import readme, use_lines
from edgekit.kits.web.wasm import MOST_PARAMETERS, unpacked_graph
from edgekit.kits.web.write import ATTRIBUTES, KINDS, about, as_json, copy_template, slug_of

_OWN = Path(__file__).parent / "generator"  # files beside the template's
_UNPACKED = "model.unpacked.onnx"
# What a package for texts alone has no use for.
_LEFT_OUT = {
    "bench.mjs", "benchmark", "engine", "model", "elements.js", "page", "demo.js", "answers.js",
    "bench-worker.js", "measuring.js", "kit.test.mjs", "samples.mjs", "index.html", *(KINDS - {"generation"}),
}  # fmt: skip


def write_web_generator(parts: GeneratorParts, folder: Path) -> Bundle:
    """Writes an npm package that writes on after a text, and answers conversations, piece by piece.

    Args:
        parts: around an ONNX folder that edgekit exported.
        folder: becomes the package; an older kit there is replaced.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: its interface has no web kit, or `folder` holds something else.
        DiskFull: no space was left.
    """
    artifact = parts.artifact
    require_decoder(parts, kit="web kit")
    manifest = parts.manifest(folder, platform="web")
    slug = slug_of(parts.name)
    with atomic(folder) as made:
        copy_template(
            made,
            "generator",
            {"@SLUG@": slug, "@TASK@": artifact.signature.task},
            keep=_kept,
        )
        for source in _OWN.rglob("*.*"):
            write_text(made / source.relative_to(_OWN), source.read_text(encoding="utf-8"))
        _package(made / "package.json")
        for file in ("src/index.ts", "js/index.js", "js/index.d.ts"):
            write_text(made / file, index_code("generator", labelled=False))
        for file in ("src/benchmark.ts", "js/benchmark.js", "js/benchmark.d.ts"):
            write_text(made / file, 'export * from "./generation/benchmark.js";\n')
        for file, content in parts.files.items():
            write_text(made / "model" / file, content)
        for file in ("model.onnx", "model.onnx.data"):
            shutil.copyfile(artifact.path / file, made / "model" / file)
        if artifact.parameters <= MOST_PARAMETERS:
            unpacked_graph(artifact.path / "model.onnx", made / "model" / _UNPACKED)
        write_text(made / "model" / "kit.json", as_json(_kit(parts, made / "model", manifest)))
        write_generation_golden(parts.generation_golden, parts.generation, made / "test" / GOLDEN)
        write_golden(parts.golden, made / "test/golden.txt")
        write_text(made / ".gitattributes", f"{ATTRIBUTES}*.onnx.data binary\n")
        write_text(made / ".npmrc", "ignore-scripts=true\n")
        write_text(made / FILE, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        write_text(made / "README.md", readme(parts, slug=slug))
    return Bundle("web", folder, artifact, manifest, use_lines(parts, folder, slug))


def _kept(file: Path) -> bool:
    """Whether a file of the template, by its path there, belongs to a package that writes text."""
    return file.parent.name == "generation" or not {*file.parts, file.name.split(".")[0]} & _LEFT_OUT


def _package(path: Path) -> None:
    """package.json in the words of text that is written."""
    told = json.loads(path.read_text(encoding="utf-8"))
    told["description"] = "Text that is written on the device, token by token."
    told["scripts"]["test"] = "node --test test/generator.test.mjs"
    write_text(path, json.dumps(told, indent=2) + "\n")


def _kit(parts: GeneratorParts, model: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """kit.json: what the code reads before it reads anything else."""
    digests = {file: sha256(content.encode()).digest() for file, content in parts.files.items()}
    for file in model.glob("model.*"):
        digests[file.name] = bytes.fromhex(sha256_file(file))
    first = next(one.said for one in parts.generation_golden.prompted if isinstance(one.said, str))
    return {
        "format": "edgekit web kit 1.0",
        "edgekit_version": manifest["edgekit_version"],
        "name": parts.name,
        "artifact": about(manifest),
        "model": "model.onnx",
        "weights": "model.onnx.data",
        **({"unpacked": _UNPACKED} if _UNPACKED in digests else {}),
        "example": first,
        "integrity": {file: f"sha256-{base64.b64encode(d).decode()}" for file, d in digests.items()},
    }
