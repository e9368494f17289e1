"""Writes the Android module of a decoder: the template's part that generates, the model and its tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgekit.errors import ExportError
from edgekit.files import atomic, human, sha256_file, size_bytes
from edgekit.kits.android.code import kit_code
from edgekit.kits.android.readme_generator import readme, use_lines
from edgekit.kits.android.write import ATTRIBUTES, KINDS, copy_template, place_of
from edgekit.kits.generation.golden import FILE as GOLDEN
from edgekit.kits.generation.golden import write_generation_golden
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.kits.manifest import FILE, Bundle, write_text
from edgekit.kits.onnx_model import require_decoder
from edgekit.kits.tokenizer import write_golden

_MOST_BYTES = 2_000_000_000  # of an ONNX file with its weights inside, and of an app's asset
# What a module for texts alone has no use for.
_LEFT_OUT = {"Engine", "Model", "Numbers", "GoldenTest", "Recorded", "DeviceBenchmark"}


def write_android_generator(parts: GeneratorParts, folder: Path) -> Bundle:
    """Writes a Gradle module that writes on after a text, and answers conversations, as a `Flow` of pieces.

    Args:
        parts: around an ONNX folder that edgekit exported.
        folder: becomes the kit; an older kit there is replaced.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: its interface has no Android kit, it is too large, or `folder` holds something else.
        DiskFull: no space was left.
    """
    artifact = parts.artifact
    require_decoder(parts, kit="Android kit")
    if artifact.size_bytes > _MOST_BYTES:
        raise ExportError(
            f"{artifact.name} has {human(artifact.size_bytes)}; an app's asset has 2 GB at most.",
            remedy="Export it in fewer bits.",
        )
    manifest = parts.manifest(folder, platform="android")
    place = place_of(parts.name, model="model.onnx")
    with atomic(folder) as made:
        module = made / place.module
        copy_template(made, place, "Generator", keep=_belongs)
        write_text(
            module / "src/main/kotlin/Kit.kt", kit_code(artifact, place, version=manifest["edgekit_version"])
        )
        assets = module / "src/main/assets/edgekit" / place.module
        for file, content in parts.files.items():
            write_text(assets / file, content)
        manifest["file"] = _put_model(artifact.path / "model.onnx", assets / place.model)
        resources = module / "src/shared/resources"
        write_generation_golden(parts.generation_golden, parts.generation, resources / GOLDEN)
        write_golden(parts.golden, resources / "golden.txt")
        write_text(module / ".gitattributes", ATTRIBUTES)
        write_text(made / FILE, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        write_text(made / "README.md", readme(parts, place))
    return Bundle("android", folder, artifact, manifest, use_lines(parts, folder, place))


def _belongs(file: Path) -> bool:
    """Whether a file of the template, by its path there, belongs to a module that writes text."""
    if file.parent.name == "generation":
        return True
    return file.stem not in _LEFT_OUT and not (KINDS - {"generation"}) & set(file.parts)


def _put_model(source: Path, path: Path) -> dict[str, Any]:
    """Graph and weights as one file, since a session that is opened from memory finds no second one."""
    import onnx

    onnx.save(onnx.load(source), path)
    return {"name": path.name, "size_bytes": size_bytes(path), "sha256": sha256_file(path)}
