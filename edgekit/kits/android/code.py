"""The Kotlin that is generated for one model: its labels and its figures. Everything else is copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.kits.android import versions
from edgekit.kits.names import KOTLIN_WORDS, MOST_CASES, identifiers, kotlin_literal
from edgekit.types import Artifact

_CHUNK = 500  # labels of one object: the JVM limits a method to 64 kB and a class to 65,535 constants

_MEMBERS = """
    override fun toString(): String = text

    companion object {{{entries}
        /** The label of this text; null: there is none. */
        fun of(text: String): Label? = entries.firstOrNull {{ it.text == text }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """How a kit is called by Gradle, by Kotlin and among the app's assets: in ASCII letters and digits."""

    module: str  # "movie-reviews": the module's folder, and the folder of its files among the assets
    package: str  # "edgekit.moviereviews"
    model: str  # file name: "model.onnx" or "model.ort"


def label_code(labels: Sequence[str], package: str) -> str:
    """`Label`, an enumeration of all labels, or a class when they are thousands."""
    if len(labels) > MOST_CASES:
        return _label_class(labels, package)
    names = identifiers(labels, reserved=KOTLIN_WORDS, upper=True)
    cases = ",\n".join(f"    {n}({kotlin_literal(text)})" for n, text in zip(names, labels, strict=True))
    return f"""package {package}

/** What the model tells apart, in the order of its numbers; [text] is the label as it was trained. */
enum class Label(val text: String) {{
{cases};
{_MEMBERS.format(entries="")}"""


def _label_class(labels: Sequence[str], package: str) -> str:
    chunks = [labels[start : start + _CHUNK] for start in range(0, len(labels), _CHUNK)]
    parts = ", ".join(f"Labels{i}.texts" for i in range(len(chunks)))
    entries = f"""
        /** All of them, in the order of their numbers. */
        val entries: List<Label> =
            listOf({parts}).flatMap {{ it.asList() }}.mapIndexed(::Label)
"""
    objects = "".join(
        f"\nprivate object Labels{i} {{\n    val texts = arrayOf(\n"
        + "".join(f"        {kotlin_literal(text)},\n" for text in chunk)
        + "    )\n}\n"
        for i, chunk in enumerate(chunks)
    )
    return f"""package {package}

/** What the model tells apart: too much for an enumeration. [text] is the label as it was trained. */
class Label private constructor(val ordinal: Int, val text: String) {{
{_MEMBERS.format(entries=entries)}{objects}"""


def kit_code(
    artifact: Artifact, place: Place, *, version: str, numbers: Mapping[str, int] | None = None
) -> str:
    """`Kit`, the constants of one model.

    Args:
        place: where its files are.
        version: edgekit's.
        numbers: more of them, by their names.
    """
    signature = artifact.signature
    values = {
        "FOLDER": kotlin_literal(f"edgekit/{place.module}"),
        "MODEL": kotlin_literal(place.model),
        "OUTPUT": kotlin_literal(signature.outputs[0].name),
        "NAME": kotlin_literal(artifact.name),
        "TARGET": kotlin_literal(artifact.target),
        "TASK": kotlin_literal(signature.task),
        "PRECISION": kotlin_literal(artifact.precision),
        "SHA256": kotlin_literal(artifact.sha256),
        "SIZE_BYTES": f"{artifact.size_bytes}L",
        "PARAMETERS": f"{artifact.parameters}L",
        "EDGEKIT_VERSION": kotlin_literal(version),
        "ONNXRUNTIME": kotlin_literal(versions.ONNXRUNTIME),
        **{name: str(value) for name, value in (numbers or {}).items()},
    }
    constants = "".join(f"    const val {name} = {value}\n" for name, value in values.items())
    return f"""package {place.package}

/** The model of this module, and how it is called. */
internal object Kit {{
{constants}}}
"""
