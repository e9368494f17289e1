"""The Swift that is generated for one model: its labels and its figures. Everything else is the template."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from edgekit.kits.names import MOST_CASES, SWIFT_WORDS, identifiers, swift_literal
from edgekit.kits.swift.interface import Interface
from edgekit.tasks import get_task
from edgekit.types import Artifact

_SHARED = """
    /// The name in the model, as it was in its training data.
    public var name: String { KitInfo.labels[rawValue] }

    public var description: String { name }

    public init?(name: String) {
        guard let number = KitInfo.labels.firstIndex(of: name) else { return nil }
        self.init(rawValue: number)
    }
"""

_ENUM = """/// What the model tells apart; `rawValue` is the number in the model.
public enum Label: Int, CaseIterable, Sendable, CustomStringConvertible {
"""

_STRUCT = """/// What the model tells apart, too many for an enumeration; `rawValue` is the number in it.
public struct Label: RawRepresentable, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int

    public static let allCases: [Label] = KitInfo.labels.indices.map { Label(number: $0) }

    public init?(rawValue: Int) {
        guard KitInfo.labels.indices.contains(rawValue) else { return nil }
        self.rawValue = rawValue
    }

    private init(number: Int) {
        rawValue = number
    }
"""


def label_code(labels: Sequence[str], *, owner: str) -> str:
    """`Label`, an enumeration of all labels, or a structure around a number when they are thousands.

    Args:
        labels: in the order of their numbers.
        owner: the type that it is part of. By itself it would be in the way of SwiftUI's `Label`.
    """
    if len(labels) > MOST_CASES:
        head = _STRUCT
    else:
        names = identifiers(labels, reserved=SWIFT_WORDS)
        head = _ENUM + "".join(f"    case {name} = {i}\n" for i, name in enumerate(names))
    body = textwrap.indent(f"{head}{_SHARED}}}\n", "    ")
    return f"extension {owner} {{\n{body}}}\n"


def info_code(
    artifact: Artifact, interface: Interface, *, name: str, version: str, own: Mapping[str, str]
) -> str:
    """`KitInfo`, the constants of one model that answers.

    Args:
        name: of the kit, as its author wrote it.
        version: edgekit's.
        own: more of them, of what the model reads: "name: Type" → value, as Swift.
    """
    signature = artifact.signature
    probabilities = interface.probabilities
    return _info(
        artifact,
        name,
        version,
        {
            "inputs: [String]": _array([swift_literal(spec.name) for spec in signature.inputs]),
            "output: String": swift_literal(signature.outputs[0].name),
            "probabilities: String?": swift_literal(probabilities) if probabilities else "nil",
            **own,
            "labels: [String]": _lines([swift_literal(label) for label in signature.labels]),
        },
    )


def text_info(artifact: Artifact, interface: Interface) -> dict[str, str]:
    """What `KitInfo` says more of a model that reads texts."""
    return {
        "perToken: Bool": "true" if get_task(artifact.signature.task).per_token else "false",
        # Empty: every length up to the limit of the tables.
        "lengths: [Int]": _array([str(n) for n in interface.lengths]),
    }


def generator_info(artifact: Artifact, *, name: str, version: str) -> str:
    """`KitInfo` of a decoder; how it is called stands in its tables."""
    return _info(artifact, name, version, {})


def _info(artifact: Artifact, name: str, version: str, internal: Mapping[str, str]) -> str:
    values = {
        "name: String": swift_literal(artifact.name),
        "kit: String": swift_literal(name),
        "task: String": swift_literal(artifact.signature.task),
        "precision: String": swift_literal(artifact.precision),
        "sha256: String": swift_literal(artifact.sha256),
        "sizeBytes: Int": str(artifact.size_bytes),
        "parameters: Int": str(artifact.parameters),
        "edgekitVersion: String": swift_literal(version),
    }
    lines = ["/// The model in this package, and how it is called.", "public enum KitInfo {"]
    lines += [f"    public static let {key} = {value}" for key, value in values.items()]
    lines += [f"    static let {key} = {value}" for key, value in internal.items()]
    return "\n".join([*lines, "}", ""])


def _array(items: Sequence[str]) -> str:
    return f"[{', '.join(items)}]"


def _lines(items: Sequence[str]) -> str:
    return "[\n" + "".join(f"        {item},\n" for item in items) + "    ]" if items else "[]"
