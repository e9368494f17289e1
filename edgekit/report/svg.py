"""Makes matplotlib's SVG fit for a page: theme colours, the page's font, unique ids, a title and a text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

# Colours to draw with. Each stands for a CSS variable of the page, so that one picture serves light and dark.
INK = "#010101"
MUTED = "#020202"
RULE = "#030303"
TEACHER = "#040404"
STUDENT = "#050505"
BASELINE = "#060606"
PAPER = "#070707"
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    TEACHER: "var(--teacher)",
    STUDENT: "var(--student)",
    BASELINE: "var(--baseline)",
    PAPER: "var(--paper)",
}
_NAMESPACE = re.compile(r"^\{[^}]*\}")
_FONT = re.compile(r"font: ?(?:(\d{3}|bold) )?([\d.]+)px [^;]*")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def for_page(source: str, *, name: str, title: str, text: str) -> str:
    """An `<svg>` element that can stand inside HTML.

    Args:
        source: what matplotlib wrote.
        name: prefix of every id, unique on the page.
        title: short name of the picture.
        text: what it shows, for readers who can't see it.
    """
    root = ElementTree.fromstring(source)
    used = _referenced(root)
    for element in list(root.iter()):
        element.tag = _local(element.tag)
        for key in list(element.attrib):
            element.attrib[_local(key)] = element.attrib.pop(key)
        _rewrite(element, name, used)
    for metadata in root.findall("metadata"):
        root.remove(metadata)
    view = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"viewBox": view, "role": "img", "aria-labelledby": f"{name}-title {name}-text"})
    root[:0] = [_described("title", f"{name}-title", title), _described("desc", f"{name}-text", text)]
    return ElementTree.tostring(root, encoding="unicode")


def _local(tag: str) -> str:
    return _NAMESPACE.sub("", tag)


def _referenced(root: ElementTree.Element) -> set[str]:
    used: set[str] = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            used.update(_REFERENCE.findall(value))
            if _local(key) == "href":
                used.add(value.removeprefix("#"))
    return used


def _rewrite(element: ElementTree.Element, name: str, used: set[str]) -> None:
    attributes = element.attrib
    if attributes.get("id") in used:
        attributes["id"] = f"{name}-{attributes['id']}"
    else:
        attributes.pop("id", None)
    for key, value in list(attributes.items()):
        if key == "href":
            attributes[key] = f"#{name}-{value.removeprefix('#')}"
            continue
        value = _REFERENCE.sub(lambda match: f"url(#{name}-{match[1]})", value)
        if key == "style":
            value = _FONT.sub(_font, value)
            for colour, variable in _VARIABLES.items():
                value = value.replace(colour, variable)
        attributes[key] = value
    element.tail = None if element.tail is None or not element.tail.strip() else element.tail
    if element.text is not None and not element.text.strip():
        element.text = None


def _font(match: re.Match[str]) -> str:
    weight = f"; font-weight: {match[1]}" if match[1] else ""
    return f"font-size: {match[2]}px{weight}"


def _described(tag: str, identifier: str, text: str) -> ElementTree.Element:
    element = ElementTree.Element(tag, {"id": identifier})
    element.text = text
    return element
