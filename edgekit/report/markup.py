"""Markdown pieces that stay what they are, whatever text they are given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgekit.report.table import Cell, Table
from edgekit.report.words import visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")


def escape(text: str) -> str:
    """Text as text: no emphasis, link, HTML, formula or table cell can come out of it."""
    flat = " ".join(visible(text).split())
    return _SPECIAL.sub(r"\\\1", flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def code(text: str) -> str:
    """A code span, with enough backticks around it; safe inside a table."""
    flat = " ".join(visible(text).split())
    ticks = "`" * (_longest_run(flat) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}".replace("|", "\\|") if flat else ""


def fence(text: str, language: str = "") -> str:
    """A code block, with enough backticks around it."""
    ticks = "`" * max(3, _longest_run(text) + 1)
    return f"{ticks}{language}\n{visible(text).rstrip()}\n{ticks}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def draw(table: Table) -> str:
    """A table with its numbers right-aligned."""
    heads = [escape(", ".join(part for part in (c.title, c.group, c.unit) if part)) for c in table.columns]
    rules = ["---:" if c.numeric else ":---" for c in table.columns]
    body = [[_cell(item) for item in row] for row in table.rows]
    return "\n".join(_row(cells) for cells in (heads, rules, *body))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(item: Cell) -> str:
    text = code(item.text) if item.code else escape(item.text)
    if item.tone == "bad":
        text = f"**{text}**"
    return f"{text} ({escape(item.note)})" if item.note else text
