"""What a decoder is tuned on: JSON lines → tokens, and which of them it is to write itself."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.data.json_lines import read_json_lines
from edgekit.errors import DataError, MissingExtra, ModelError, first_line

_FORMS = 'Write {"prompt": …, "completion": …}, {"messages": [{"role": …, "content": …}, …]} or {"text": …}.'


@dataclass(frozen=True, slots=True)
class Example:
    """One text as tokens."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]  # the tokens with a loss: those that the model is to write

    def __len__(self) -> int:
        return len(self.ids)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file.

    Raises:
        DataError: not such a file, or empty.
    """
    if not path.is_file():
        raise DataError(f"{path} is no file.", remedy="Give a file with one JSON object a line.")
    columns = read_json_lines(path, encoding="utf-8").columns
    count = len(next(iter(columns.values())))
    return [{n: c[i] for n, c in columns.items() if c[i] is not None} for i in range(count)]


def encode(row: Mapping[str, Any], processor: Any, *, place: str) -> Example:
    """One row as tokens. Loss on completions alone: a prompt, and what others say in a chat, get none.

    Each part is tokenised on its own, exactly as a prompt is before the model writes on after it.

    Args:
        processor: the tokenizer.
        place: "pairs.jsonl, row 3", for errors.

    Raises:
        DataError: none of the three forms, or a chat without anything to learn.
        ModelError: messages, and no chat template or one that rewrites earlier turns.
    """
    if "messages" in row:
        return _chat(row["messages"], processor, place)
    if "prompt" in row and "completion" in row:
        return _joined(
            [(_text(row, "prompt", place), False), (_text(row, "completion", place), True)], processor
        )
    if "text" in row:
        return _joined([(_text(row, "text", place), True)], processor)
    raise DataError(f"{place} has the keys {', '.join(row) or 'none'}.", remedy=_FORMS)


def encode_all(
    rows: Sequence[Mapping[str, Any]], processor: Any, *, max_length: int, origin: str
) -> tuple[list[Example], int]:
    """Every row, cut at `max_length` tokens; and how many rows were left out, nothing to learn being left.

    Raises:
        As `encode`; DataError also where no row is left.
    """
    examples = []
    for number, row in enumerate(rows, start=1):
        whole = encode(row, processor, place=f"{origin}, row {number}")
        examples.append(Example(whole.ids[:max_length], whole.learned[:max_length]))
    # The first token of a text is predicted from nothing, and has no loss.
    kept = [example for example in examples if any(example.learned[1:])]
    if not kept:
        raise DataError(
            f"No row of {origin} has a token to learn within {max_length} tokens.",
            remedy="Raise --max-length, or check that completions aren't empty.",
        )
    return kept, len(examples) - len(kept)


def hold_out(count: int, share: float, *, seed: int) -> tuple[list[int], list[int]]:
    """Indices to train on and to judge by, disjoint; at least one of each where `share` is above 0.

    Raises:
        DataError: one row alone can't be divided.
    """
    order = random.Random(seed).sample(range(count), count)
    held = 0 if share == 0 else max(1, round(count * share))
    if held >= count:
        raise DataError(
            f"{count} row{'s' if count > 1 else ''} can't be divided for validation.",
            remedy="Give more rows, or --validation 0.",
        )
    return sorted(order[held:]), sorted(order[:held])


def render(messages: Sequence[Mapping[str, str]], processor: Any, *, answer: bool) -> str:
    """Messages in the tokenizer's chat template.

    Args:
        answer: ends where the model begins to answer.

    Raises:
        ModelError: no chat template, or one that refuses these messages.
    """
    if not processor.chat_template:
        raise ModelError(
            "This model's tokenizer has no chat template.",
            remedy="Use prompt and completion, or add chat_template.jinja to the model's folder.",
        )
    try:
        from jinja2 import TemplateError

        return processor.apply_chat_template(list(messages), add_generation_prompt=answer, tokenize=False)
    except ImportError as error:
        raise MissingExtra("jinja2", extra="tune", needed_for="A chat template") from error
    except (TemplateError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"The chat template refuses these messages: {first_line(error)}",
            remedy="Give messages with role and content, in turns that the model knows.",
        ) from error


def _chat(messages: Any, processor: Any, place: str) -> Example:
    good = isinstance(messages, list) and all(isinstance(m, dict) and "role" in m for m in messages)
    if not good or not any(m["role"] == "assistant" for m in messages):
        raise DataError(f"{place} has no messages with an assistant among them.", remedy=_FORMS)
    parts: list[tuple[str, bool]] = []
    done = ""
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        prompt = render(messages[:number], processor, answer=True)
        whole = render(messages[: number + 1], processor, answer=False)
        if not prompt.startswith(done) or not whole.startswith(prompt):
            raise ModelError(
                f"{place}: the chat template shows an earlier turn differently once a later one follows, so "
                "what the model is to write can't be told from what it reads.",
                remedy="Give one row for each answer, ending with it, or use prompt and completion.",
            )
        # Line ends after the last token of a turn are the template's, not the model's.
        answer = whole[len(prompt) :].rstrip()
        parts += [(prompt[len(done) :], False), (answer, True)]
        done = prompt + answer
    return _joined(parts, processor, chat=True)


def _joined(parts: Sequence[tuple[str, bool]], processor: Any, *, chat: bool = False) -> Example:
    ids: list[int] = []
    learned: list[bool] = []
    for number, (text, wanted) in enumerate(parts):
        # A template writes its own special tokens; a plain text begins as the tokenizer has it.
        own = list(processor(text, add_special_tokens=number == 0 and not chat)["input_ids"])
        if number == 0 and own and own[-1] == processor.eos_token_id and not chat:
            own.pop()
        ids += own
        learned += [wanted] * len(own)
    end = processor.eos_token_id
    if not chat and end is not None:
        ids.append(end)
        learned.append(True)
    return Example(tuple(ids), tuple(learned))


def _text(row: Mapping[str, Any], name: str, place: str) -> str:
    if not isinstance(row[name], str):
        raise DataError(f"{place}: {name} is {type(row[name]).__name__}, not a text.", remedy=_FORMS)
    return str(row[name])
