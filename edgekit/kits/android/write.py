"""Writes the Android module: the template, the generated code, the model and its tables."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.files import atomic, sha256_file, size_bytes
from edgekit.kits.android import versions
from edgekit.kits.android.code import Place, kit_code, label_code
from edgekit.kits.android.ort_format import convert_to_ort
from edgekit.kits.android.readme import readme, use_lines
from edgekit.kits.answers import Answer, to_hex
from edgekit.kits.manifest import API, FILE, Bundle, checked_manifest, write_text
from edgekit.kits.names import KOTLIN_WORDS
from edgekit.kits.onnx_model import require_onnx
from edgekit.kits.tokenizer import Golden, TokenizerTables, write_golden
from edgekit.types import Artifact, Parity

# A version control that changes line ends would change tokens.
ATTRIBUTES = "*.txt -text\n*.onnx binary\n*.ort binary\n"
_TEMPLATE = Path(__file__).parent / "template"
KINDS = {"texts", "generation", "images", "audio", "arrays"}  # its folders for what some kits have
_JAVA_WORDS = """assert boolean byte char default double extends float goto implements instanceof int long
    native new short static strictfp switch synchronized throws transient void volatile"""
# An Android namespace takes the words of neither language, and Gradle two folders for its own.
_WORDS = KOTLIN_WORDS | {*_JAVA_WORDS.split(), "build", "gradle"}


def write_android(
    artifact: Artifact,
    parity: Parity,
    tables: TokenizerTables,
    folder: Path,
    *,
    name: str,
    golden: Sequence[Golden],
    answers: Sequence[Answer],
    licences: Mapping[str, str | None] | None = None,
    ort: bool = False,
) -> Bundle:
    """Writes a Gradle module that answers a string with the model's labels, tags, number or embedding.

    Args:
        artifact: an ONNX model that edgekit exported, of a text task.
        parity: of that artifact.
        tables: of the model's tokenizer, made for its maximum length.
        folder: becomes the kit; an older kit there is replaced.
        name: of the product, in the author's words; module and package are named after it.
        golden: nasty texts with their ids, for the module's own tests.
        answers: representative inputs and what a runner answered; tests replay them, and the benchmark runs
            them. At least one.
        licences: of the model, its teacher, its data: name → SPDX, None when it isn't known.
        ort: ship ONNX Runtime's own format, made from the artifact and run on `answers`.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: it is no ONNX model, its task or its interface has no Android kit, the `.ort` file
            answers differently, or `folder` holds something else.
        MissingExtra: `ort` is asked for, and ONNX Runtime is not installed.
        DiskFull: no space was left.
    """
    require_onnx(artifact, kit="Android kit", tasks=API)
    manifest = checked_manifest(
        artifact,
        parity,
        tables,
        folder,
        platform="android",
        golden=golden,
        answers=answers,
        licences=licences,
    )
    place = place_of(name, model=f"model{'.ort' if ort else artifact.path.suffix}")
    with atomic(folder) as made:
        module = made / place.module
        copy_template(
            made,
            place,
            API[artifact.signature.task],
            keep=lambda file: not (KINDS - {"texts"}) & set(file.parts),
        )
        write_text(
            module / "src/main/kotlin/Kit.kt", kit_code(artifact, place, version=manifest["edgekit_version"])
        )
        if artifact.signature.labels:
            write_text(
                module / "src/main/kotlin/Label.kt", label_code(artifact.signature.labels, place.package)
            )
        assets = module / "src/main/assets/edgekit" / place.module
        for file, content in tables.files.items():
            write_text(assets / file, content)
        manifest["file"] = _put_model(artifact, answers, assets / place.model)
        resources = module / "src/shared/resources"
        write_text(resources / "samples.txt", _samples(answers))
        write_golden(golden, resources / "golden.txt")
        write_text(module / ".gitattributes", ATTRIBUTES)
        write_text(made / FILE, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        write_text(made / "README.md", readme(artifact, parity, place, name=name))
    return Bundle("android", folder, artifact, manifest, use_lines(artifact.signature.task, folder, place))


def place_of(name: str, *, model: str) -> Place:
    """Names for Gradle, Kotlin and the app's assets."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name[:60]) if not unicodedata.combining(c))
    words = re.findall("[a-z0-9]+", plain.lower()) or ["kit"]
    words += ["kit"] if "".join(words) in _WORDS else []
    package = "".join(words)
    return Place("-".join(words), f"edgekit.{'kit' if package[0].isdigit() else ''}{package}", model)


def copy_template(made: Path, place: Place, api: str, *, keep: Callable[[Path], bool]) -> None:
    """The template's files for one task.

    Args:
        api: the class that an app calls, as its file is called.
        keep: whether a file of the template, by its path there, belongs to the kit.
    """
    values = {
        "package edgekit.kit\n": f"package {place.package}\n",
        "@PACKAGE@": place.package,
        "@MODULE@": place.module,
        **{f"@{name}@": value for name, value in vars(versions).items() if name.isupper()},
    }
    for source in sorted(_TEMPLATE.rglob("*")):
        relative = source.relative_to(_TEMPLATE)
        if source.is_dir() or not keep(relative):
            continue
        if relative.parent.name == "tasks":
            if source.stem not in (api, f"{api}Test"):
                continue
            relative = relative.parent.parent / relative.name
        text = source.read_text(encoding="utf-8")
        if relative.name == "Load.kt":  # the template's is the classifier's
            text = text.replace("Classifier", api.removeprefix("MultiLabel"))
        for key, value in values.items():
            text = text.replace(key, value)
        parts = [place.module if part == "module" else part for part in relative.parts]
        write_text(made.joinpath(*parts), text)


def _put_model(artifact: Artifact, answers: Sequence[Answer], path: Path) -> dict[str, Any]:
    """The file that the app runs, for the manifest."""
    if path.suffix == ".ort" and artifact.path.suffix != ".ort":
        error: float | None = convert_to_ort(artifact, answers, path)
    else:
        shutil.copyfile(artifact.path, path)
        error = None  # it is what was verified
    made = {"name": path.name, "size_bytes": size_bytes(path), "sha256": sha256_file(path)}
    return made if error is None else {**made, "max_abs_error": error}


def _samples(answers: Sequence[Answer]) -> str:
    """Lines that Kotlin reads without a JSON parser; see `Samples.kt`."""
    names = list(answers[0].tokens)
    columns = ["text", "pair", *names, "output", *(["tags"] if answers[0].tags is not None else [])]
    rows = [columns]
    for answer in answers:
        row = [f".{to_hex(answer.text)}", "-" if answer.pair is None else f".{to_hex(answer.pair)}"]
        row += [",".join(str(int(i)) for i in answer.tokens[name]) for name in names]
        row.append(",".join(repr(float(value)) for value in answer.output))
        if answer.tags is not None:
            row.append(",".join("-1" if tag is None else str(tag) for tag in answer.tags))
        rows.append(row)
    return "".join(" ".join(row) + "\n" for row in rows)
