"""Writes the Swift package of a stateful decoder: text goes in, more text streams out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from edgekit.errors import ExportError
from edgekit.files import atomic
from edgekit.kits.generation.golden import FILE, golden_lines
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.kits.manifest import Bundle, write_text
from edgekit.kits.swift.code import generator_info
from edgekit.kits.swift.interface import read_interface
from edgekit.kits.swift.package import copy_template, fill_package, module_name
from edgekit.kits.swift.readme_generator import generator_readme, generator_use
from edgekit.kits.tokenizer import write_golden

_INPUTS = {"ids", "causal_mask"}  # what the package's code feeds


def write_swift_generator(parts: GeneratorParts, folder: Path) -> Bundle:
    """Writes a SwiftPM package that writes on after a text, and answers conversations.

    Args:
        parts: around a Core ML package that keeps its caches as states.
        folder: becomes the package; an older kit there is replaced.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: it is no stateful Core ML package, or `folder` holds something else.
        DiskFull: no space was left.
    """
    artifact, generation = parts.artifact, parts.generation
    if artifact.target != "coreml" or set(generation.inputs) != _INPUTS or generation.caches:
        raise ExportError(
            f"{artifact.name} is for {artifact.target}; a Swift package that writes text carries a Core ML "
            "package with states.",
            remedy="Export the decoder with --target coreml, and bundle that.",
        )
    manifest = parts.manifest(folder, platform="swift")
    interface = read_interface(artifact.path)
    module = module_name(parts.name)
    vectors = golden_lines(parts.generation_golden, generation)
    with atomic(folder) as made:
        copy_template(made, module, parts={"Generating", "Tokenizer"})
        fill_package(
            made,
            module,
            artifact,
            interface,
            files=parts.files,
            golden=partial(write_golden, parts.golden),
            samples={"continuations.txt": _lines(v for v in vectors if v.startswith("greedy "))},
            vectors={FILE: _lines(v for v in vectors if not v.startswith("greedy "))},
            manifest=manifest,
        )
        info = generator_info(artifact, name=parts.name, version=manifest["edgekit_version"])
        write_text(made / "Sources" / module / "KitInfo.swift", info)
        write_text(made / "README.md", generator_readme(parts, interface, module=module))
    return Bundle("swift", folder, artifact, manifest, generator_use(parts, folder, module))


def _lines(rows: Iterable[str]) -> str:
    return "".join(f"{row}\n" for row in rows)
