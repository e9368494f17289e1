"""The TypeScript that is generated for one model: its labels as a type, and what the package exports.

Labels are data to the code (kit.json); only the compiler sees them as literals. So no text that somebody
wrote ever stands in JavaScript.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.kits.names import MOST_CASES, ts_literal


def label_type(labels: Sequence[str]) -> str:
    """`Label`, a union of all labels; above a thousand, which compilers and editors take ill, any text."""
    if len(labels) > MOST_CASES:
        return (
            _HEAD + f"export type Label = string; // {len(labels):,} labels: all of them are in `allLabels`\n"
        )
    cases = "".join(f"\n  | {ts_literal(label)}" for label in dict.fromkeys(labels))
    return f"{_HEAD}export type Label ={cases};\n"


_HEAD = "/** What the model tells apart, as it was trained. */\n"


def index_code(task_file: str, *, labelled: bool) -> str:
    """What the package exports: the same text in TypeScript, in JavaScript and in declarations."""
    files = [f"tasks/{task_file}", "error", *(["label"] if labelled else []), "options"]
    return "".join(f'export * from "./{file}.js";\n' for file in files)
