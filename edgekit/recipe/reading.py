"""YAML text → plain values with their lines. Bounded: no input takes long, or much memory, to refuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from edgekit.recipe.places import Location, printable

MAX_BYTES = 128 * 1024  # the shipped recipes have 2 to 5 kB
MAX_VALUES = 10_000  # after aliases are written out, which is what an alias bomb is made of
MAX_DEPTH = 24

_TAG = "tag:yaml.org,2002:"


class NotYaml(Exception):
    """The text can't be read at all; `line` counts from 1."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(slots=True)
class Document:
    """One YAML document: values of dict, list, str, int, float, bool and None only."""

    value: Any = None
    empty: bool = True
    lines: dict[Location, int] = field(default_factory=dict)  # of the key, or of the list entry
    problems: list[tuple[int, Location, str]] = field(default_factory=list)  # line, location, message


class _BoundedComposer(Composer):
    """Stops at a depth where ruamel's own recursion, and its scanner's bookkeeping, are still cheap."""

    depth = 0
    count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        self.count += 1
        if self.depth > MAX_DEPTH:
            raise NotYaml(f"nested more than {MAX_DEPTH} levels deep", self._line())
        if self.count > 2 * MAX_VALUES:  # keys are nodes too
            raise NotYaml(f"more than {MAX_VALUES} values", self._line())
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def _line(self) -> int:
        return int(self.parser.peek_event().start_mark.line) + 1


def read_yaml(data: bytes) -> Document:
    """Reads one YAML 1.2 document.

    Keys become text whatever they look like, so that a class may be called 1 or true. What can be
    pointed at without giving up (a key given twice, a tag) lands in `problems`.

    Raises:
        NotYaml: too large, not UTF-8, a syntax error, or an alias bomb.
    """
    if len(data) > MAX_BYTES:
        raise NotYaml(f"larger than {MAX_BYTES // 1024} KiB, which no recipe is")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotYaml("not UTF-8 text; save the file with that encoding", line) from error
    root = _compose(text)
    if root is None:
        return Document()
    builder = _Builder()
    value = builder.build(root, (), 0)
    return Document(value, False, builder.lines, builder.problems)


def _compose(text: str) -> Node | None:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _BoundedComposer
    try:
        return yaml.compose(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotYaml(f"the character U+{error.character:04X} is not allowed in YAML", line) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise NotYaml(f"not valid YAML: {printable(what, 200)}", mark.line + 1 if mark else None) from error
    except YAMLError as error:
        raise NotYaml(f"not valid YAML: {printable(str(error), 200)}") from error


class _Builder:
    """Node graph → values, aliases written out."""

    def __init__(self) -> None:
        self.lines: dict[Location, int] = {}
        self.problems: list[tuple[int, Location, str]] = []
        self._count = 0
        self._constructor = YAML(typ="safe", pure=True).constructor

    def build(self, node: Node, location: Location, depth: int) -> Any:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_VALUES:
            raise NotYaml(f"more than {MAX_VALUES} values once its aliases are written out", line)
        if depth > MAX_DEPTH:
            raise NotYaml("an alias that contains itself", line)
        self.lines.setdefault(location, line)
        if isinstance(node, ScalarNode):
            return self._scalar(node, location)
        if node.tag not in (f"{_TAG}map", f"{_TAG}seq"):
            self._tag(node, location)
        if isinstance(node, MappingNode):
            return self._mapping(node, location, depth)
        assert isinstance(node, SequenceNode)
        return [self.build(item, (*location, i), depth + 1) for i, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, location: Location, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self.problems.append((line, location, "a key must be plain text, not a list or a mapping"))
                continue
            if key_node.tag == f"{_TAG}merge":
                merged += value_node.value if isinstance(value_node, SequenceNode) else [value_node]
                continue
            key = str(key_node.value)
            inside = (*location, key)
            if key in found:
                self.problems.append(
                    (line, inside, f"given twice; the first is on line {self.lines[inside]}")
                )
                continue
            self.lines[inside] = line
            found[key] = self.build(value_node, inside, depth + 1)
        for other in merged:  # YAML's `<<: *defaults`: what is written in place wins, then earlier merges
            if not isinstance(other, MappingNode):
                line = other.start_mark.line + 1
                self.problems.append((line, location, "`<<` takes a mapping or a list of mappings"))
                continue
            if depth >= MAX_DEPTH:
                raise NotYaml("an alias that contains itself", other.start_mark.line + 1)
            for key, value in self._mapping(other, location, depth + 1).items():
                found.setdefault(key, value)
        return found

    def _scalar(self, node: ScalarNode, location: Location) -> Any:
        kind = str(node.tag).removeprefix(_TAG)
        construct = {
            "null": self._constructor.construct_yaml_null,
            "bool": self._constructor.construct_yaml_bool,
            "int": self._constructor.construct_yaml_int,
            "float": self._constructor.construct_yaml_float,
        }.get(kind)
        if construct is None:
            # A recipe has no dates: 2024-05-01 is the text it looks like.
            if kind not in ("str", "timestamp", "merge", "value"):
                self._tag(node, location)
            return str(node.value)
        try:
            value = construct(node)
        except (ValueError, KeyError, IndexError, OverflowError, YAMLError):
            self._problem(node, location, f"{printable(str(node.value))} is not a valid {kind}")
            return None
        if isinstance(value, int) and value.bit_length() > 63:
            self._problem(node, location, "the number is too large")
            return None
        return value

    def _tag(self, node: Node, location: Location) -> None:
        self._problem(
            node, location, f"the tag {printable(str(node.tag))!r} is not allowed; give a plain value"
        )

    def _problem(self, node: Node, location: Location, message: str) -> None:
        self.problems.append((node.start_mark.line + 1, location, message))
