"""Chat templates taken apart: what is reproduced is proved, and what can't be is refused with the reason."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edgekit.errors import MissingExtra
from edgekit.kits.generation.chat import Chat, probe_chat
from tests.decoder_examples import CHAT, tokenizer

DEFAULT_SYSTEM = (
    "{% for m in messages %}{% if loop.first and m.role != 'system' %}<|im_start|>system\n"
    "Be kind.<|im_end|>\n{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
LLAMA2 = (
    "{% if messages[0].role == 'system' %}{% set rest = messages[1:] %}{% set system = messages[0].content %}"
    "{% else %}{% set rest = messages %}{% set system = false %}{% endif %}{% for m in rest %}"
    "{% if m.role == 'user' %}<s>[INST] {% if loop.first and system is not false %}<<SYS>>\n{{ system }}\n"
    "<</SYS>>\n\n{% endif %}{{ m.content | trim }} [/INST]{% else %} {{ m.content | trim }} </s>{% endif %}"
    "{% endfor %}"
)
GEMMA = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}<bos>"
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('turns') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<end_of_turn>\n"
    "{% endfor %}<start_of_turn>model\n"
)
REFUSED = {
    "date": ("{{ strftime_now('%d') }}{% for m in messages %}{{ m.content }}{% endfor %}", "the day's date"),
    "thoughts": (
        "{% for m in messages %}<{{ m.role }}>{{ m.content.split('</think>')[-1] }}{% endfor %}<a>",
        "changes what is said",
    ),
    "length": (
        "{% for m in messages %}<{{ m.role }}{{ loop.index }}>{{ m.content }}{% endfor %}<a>",
        "more than the roles",
    ),
    "case": (
        "{% for m in messages %}<{{ m.role }}>{{ m.content | upper }}{% endfor %}",
        "does not appear once",
    ),
    "last": ("<user>{{ messages[-1].content }}<a>", "does not appear once"),
    "broken": ("{{ messages.pop('x') }}", "can't be rendered"),
}


def chat_of(template: str | None) -> Chat | str:
    fast = tokenizer()
    fast.chat_template = template
    return probe_chat(fast)


@pytest.mark.parametrize("template", [CHAT, DEFAULT_SYSTEM, LLAMA2, GEMMA])
def test_any_conversation_is_rendered_as_the_template_does(template: str) -> None:
    chat = chat_of(template)
    assert isinstance(chat, Chat)
    system = [] if template == GEMMA else [("system", "Du bist\n nett. ")]
    turns = [
        *system,
        ("user", " Hallo "),
        ("assistant", "{{ x }}"),
        ("user", "é\n"),
        ("assistant", ""),
        ("user", "?"),
    ]
    fast: Any = tokenizer()
    fast.chat_template = template
    said = [{"role": role, "content": content} for role, content in turns]
    assert chat.prompt(turns) == fast.apply_chat_template(said, add_generation_prompt=True, tokenize=False)


def test_a_default_system_text_is_said_where_none_is_given() -> None:
    chat = chat_of(DEFAULT_SYSTEM)
    assert isinstance(chat, Chat) and not chat.trimmed
    assert chat.prompt([("user", "a")]).startswith("<|im_start|>system\nBe kind.")
    assert "Be kind." not in chat.prompt([("system", ""), ("user", "a")])


def test_roles_that_the_model_does_not_take_have_no_place() -> None:
    chat = chat_of(GEMMA)
    assert isinstance(chat, Chat) and set(chat.trimmed) == {"user", "assistant"}
    for turns in ([("system", "a"), ("user", "b")], [("user", "a"), ("user", "b")], [("assistant", "a")], []):
        with pytest.raises(KeyError):
            chat.prompt(turns)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_parts_do_not_reproduce_is_refused(name: str) -> None:
    template, why = REFUSED[name]
    found = chat_of(template)
    assert isinstance(found, str) and why in found


def test_a_tokenizer_without_a_template_has_no_chat() -> None:
    assert chat_of(None) == "The tokenizer has no chat template."


def test_without_jinja_the_extra_that_brings_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2.exceptions", None)
    with pytest.raises(MissingExtra, match=r"edgekit\[chat\]"):
        chat_of(CHAT)
    extras = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert any(one.startswith("jinja2") for one in extras["optional-dependencies"]["chat"])
