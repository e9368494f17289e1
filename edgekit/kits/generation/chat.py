"""A chat template as texts that stand around what is said, so that no kit needs Jinja."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from edgekit.errors import MissingExtra, first_line

START, END = "start", "end"
Turn = tuple[str, str]  # role, content
_MARK = "Zq{}Wv"
_PLAIN = ("user", "assistant")
# What people and models say, and what has misled templates.
_SAYINGS = (
    "Why is the sky blue?",
    "Grüße aus Köln, 日本語 and 👩‍🚀",
    "two\n\nlines\tand \"quotes\", 'these' too",
    "{{ user }} {% if x %} <b>&amp;</b> \\n [INST] </s>",
    "7",
    "",
    "a\u00a0b\u200b ",
    "  four spaces around  ",
    "\n\nlines around\n\n",
    "<think>\nhm\n</think>\n\nyes",
)


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation as a prompt: `joints[start, r1]`, what r1 says, `joints[r1, r2]`, … `joints[rn, end]`.

    Every joint belongs to the roles on both of its sides, so a default system text is part of the joint from
    the start to the user, and templates that put the system's text into the first user turn are no exception.
    The last joint opens the answer. Two roles without a joint can't follow one another.
    """

    joints: Mapping[tuple[str, str], str]
    trimmed: tuple[str, ...] = ()  # roles whose texts lose white space at both ends

    def prompt(self, turns: Sequence[Turn]) -> str:
        """The text that the model reads.

        Raises:
            KeyError: the roles can't follow one another so.
        """
        roles = [START, *(role for role, _ in turns), END]
        said = ["", *(c.strip() if r in self.trimmed else c for r, c in turns)]
        return "".join(
            content + self.joints[joint] for content, joint in zip(said, pairwise(roles), strict=True)
        )


def probe_chat(processor: Any) -> Chat | str:
    """Takes a tokenizer's chat template apart, and proves the parts on other conversations.

    Args:
        processor: a transformers tokenizer.

    Returns:
        The chat, or why there can be none.
    """
    template = processor.chat_template
    if not template:
        return "The tokenizer has no chat template."
    if "strftime" in str(template):
        return "The chat template writes the day's date."

    def render(turns: Sequence[Turn]) -> str:
        said = [{"role": role, "content": content} for role, content in turns]
        return str(processor.apply_chat_template(said, add_generation_prompt=True, tokenize=False))

    errors = _errors()
    try:
        chat = _taken_apart(render, errors)
        wrong = next((turns for turns in _conversations(chat) if render(turns) != chat.prompt(turns)), None)
    except errors as error:
        return f"The chat template can't be rendered: {first_line(error)}"
    if wrong is None:
        return chat
    return f"The chat template changes what is said, or depends on more than the roles: {wrong!r}"


def _errors() -> tuple[type[Exception], ...]:
    """What a template may raise: its own errors, and Python's for a value that it did not expect.

    Raises:
        MissingExtra: Jinja is not installed.
    """
    try:
        from jinja2.exceptions import TemplateError
    except ImportError as error:
        raise MissingExtra("jinja2", extra="chat", needed_for="A chat template") from error
    return TemplateError, ValueError, TypeError, LookupError, AttributeError


def _taken_apart(render: Callable[[Sequence[Turn]], str], errors: tuple[type[Exception], ...]) -> Chat:
    joints: dict[tuple[str, str], str] = {}
    _take(joints, render, ("user",))
    _take(joints, render, ("user", "assistant", "user"))
    try:
        with_system: dict[tuple[str, str], str] = {}
        _take(with_system, render, ("system", "user"))
        roles: tuple[str, ...] = ("system", *_PLAIN)
    except errors:  # many models refuse a system text; then so does the kit
        with_system, roles = {}, _PLAIN
    joints = {**with_system, **joints}
    return Chat(joints, tuple(role for role in roles if _trims(render, role)))


def _take(
    joints: dict[tuple[str, str], str], render: Callable[[Sequence[Turn]], str], roles: Sequence[str]
) -> None:
    """Adds the joints of one conversation.

    Raises:
        ValueError: what is said does not appear once each, in order.
    """
    marks = [_MARK.format(i) for i in range(len(roles))]
    rest = render(list(zip(roles, marks, strict=True)))
    for mark, joint in zip(marks, pairwise([START, *roles]), strict=True):
        before, found, rest = rest.partition(mark)
        if not found or mark in rest:
            raise ValueError("what is said does not appear once")
        joints.setdefault(joint, before)
    joints.setdefault((roles[-1], END), rest)


def _trims(render: Callable[[Sequence[Turn]], str], role: str) -> bool:
    mark = _MARK.format(0)
    turns = {"user": [], "system": [("user", "a")], "assistant": [("user", "a")]}[role]
    said = (role, f" \n{mark}\n ")
    whole = [*turns, said, ("user", "b")] if role == "assistant" else [said, *turns]
    return f" \n{mark}\n " not in render(whole)


def _conversations(chat: Chat) -> list[list[Turn]]:
    """Conversations of 1 to 7 turns, with and without a system text, in which every role says everything."""
    made = []
    starts: list[tuple[str, ...]] = [(), ("system",)] if (START, "system") in chat.joints else [()]
    for start in starts:
        for length in (1, 3, 7):
            roles = [*start, *(_PLAIN[i % 2] for i in range(length))]
            for first in range(len(_SAYINGS)):
                made.append([(r, _SAYINGS[(first + 3 * i) % len(_SAYINGS)]) for i, r in enumerate(roles)])
    return made
