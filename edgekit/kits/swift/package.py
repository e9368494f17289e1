"""The template of a Swift package under a name of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.kits.manifest import FILE, write_text
from edgekit.kits.names import type_name
from edgekit.kits.swift.interface import Interface
from edgekit.types import Artifact

_TEMPLATE = Path(__file__).parent / "template"
_MODULE = "KitModule"  # what the template calls the package and its modules
# Bytes that are compared, which git must not give other line ends.
_ATTRIBUTES = "*.txt -text\n*.mlpackage/** -text\n"
# Modules and types that a package's own name must not hide.
_NAMES = """
    Swift Foundation CoreML CoreGraphics Dispatch XCTest Testing Darwin Glibc UIKit SwiftUI Combine
    Observation Package Classifier ImageClassifier Tagger Embedder Regressor Generator Written
    GenerationOptions Message Label TaggedWord ComputeUnits KitError KitInfo Tokenizer Tokens Tensor Pixels
"""
_TAKEN = frozenset(_NAMES.split())


def module_name(name: str) -> str:
    """The Swift module of a kit, from the words of its author: "movie-reviews" → `MovieReviews`."""
    return type_name(name, reserved=_TAKEN, fallback="Kit")


def copy_template(made: Path, module: str, *, parts: Collection[str], api: str = "") -> None:
    """Copies a part of the template, under the module's name.

    Args:
        made: becomes the package.
        parts: folders inside the targets whose files belong to the package, beside what lies in none.
        api: the file that an app calls, and its tests; it moves from `Tasks` up one level.
    """
    for source in sorted(_TEMPLATE.rglob("*")):
        relative = source.relative_to(_TEMPLATE)
        if source.is_dir():
            continue
        part = relative.parts[2] if relative.parts[0] in ("Sources", "Tests") else relative.name
        if part not in (relative.name, "Tasks", *parts):
            continue
        if part == "Tasks":
            if relative.stem not in (api, f"{api}Tests"):
                continue
            relative = relative.parent.parent / relative.name
        target = made / str(relative).replace(_MODULE, module)
        write_text(target, source.read_text(encoding="utf-8").replace(_MODULE, module))


def fill_package(
    made: Path,
    module: str,
    artifact: Artifact,
    interface: Interface,
    *,
    files: Mapping[str, str],
    golden: Callable[[Path], object],
    samples: Mapping[str, str],
    vectors: Mapping[str, str],
    manifest: Mapping[str, Any],
) -> None:
    """Adds the model, its tables, texts to test it with, and the manifest; Package.swift learns of them.

    Args:
        files: tables that the package reads: name → content.
        golden: writes `golden.txt` of the tests.
        samples: files of the benchmark.
        vectors: files of the tests, beside `golden.txt`.
    """
    package = made / "Package.swift"
    text = package.read_text(encoding="utf-8")
    for place, found in {
        "/*PLATFORMS*/": f'.iOS("{interface.ios}"), .macOS("{interface.macos}")',
        "/*RESOURCES*/": _copies(["Model.mlpackage", *files]),
        "/*SAMPLES*/": _copies([*samples]),
        "/*VECTORS*/": _copies(["golden.txt", *vectors]),
    }.items():
        text = text.replace(place, found)
    write_text(package, text)
    sources, tests = made / "Sources" / module, made / "Tests" / f"{module}Tests"
    folders = {sources: files, made / "Sources" / f"{module}Benchmark": samples, tests: vectors}
    for folder, contents in folders.items():
        for name, content in contents.items():
            write_text(folder / name, content)
    golden(tests / "golden.txt")
    shutil.copytree(artifact.path, sources / "Model.mlpackage")
    write_text(made / ".gitattributes", _ATTRIBUTES)
    write_text(made / FILE, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def _copies(names: Sequence[str]) -> str:
    return ", ".join(f'.copy("{name}")' for name in names)
