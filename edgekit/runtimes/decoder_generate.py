"""A prompt is read at once, then one token after another is chosen and read."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.errors import DataError, MissingExtra, ModelError
from edgekit.runtimes.decoder import OpenDecoder
from edgekit.runtimes.decoder_sampling import Sampling, choose
from edgekit.runtimes.decoder_text import TextStream

GREEDY = Sampling()


@dataclass(frozen=True, slots=True)
class Generated:
    """One text that a decoder wrote. Seconds are wall clock."""

    text: str
    ids: tuple[int, ...]  # a stop token included
    prompt_tokens: int
    stopped_by: str  # "stop token" | "stop text" | "length" | "context"
    first_seconds: float  # until the first token was chosen: reading the prompt
    next_seconds: float  # for all tokens after it
    runtime: str

    @property
    def tokens_per_second(self) -> float | None:
        """Of decoding alone; None when fewer than two tokens came."""
        return (len(self.ids) - 1) / self.next_seconds if len(self.ids) > 1 and self.next_seconds else None


def prompt_ids(processor: Any, prompt: str, *, chat: bool = False, system: str | None = None) -> list[int]:
    """The tokens of a prompt, as the model was trained to see it.

    Args:
        chat: puts it into the tokenizer's chat template as what a user says.
        system: what the system says before it; for a chat only.

    Raises:
        DataError: there is no text, or `system` without `chat`.
        ModelError: no chat template.
    """
    if system is not None and not chat:
        raise DataError("A system text needs a chat.", remedy="Add --chat, or put the text into the prompt.")
    if not chat:
        ids = list(processor(prompt)["input_ids"])
    elif not processor.chat_template:
        raise ModelError(
            "This model's tokenizer has no chat template.",
            remedy="Leave --chat out, or add chat_template.jinja to the model's folder.",
        )
    else:
        turns = [{"role": "system", "content": system}] if system is not None else []
        try:
            text = processor.apply_chat_template(
                [*turns, {"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False
            )
        except ImportError as error:
            raise MissingExtra("jinja2", extra="chat", needed_for="A chat template") from error
        ids = list(processor(text, add_special_tokens=False)["input_ids"])
    if not ids:
        raise DataError("The prompt is empty.", remedy="Give at least one word.")
    return ids


def generate(
    decoder: OpenDecoder,
    ids: Sequence[int],
    *,
    most: int,
    sampling: Sampling = GREEDY,
    stop: Sequence[str] = (),
    on_text: Callable[[str], None] | None = None,
) -> Generated:
    """Writes on after a prompt.

    Args:
        ids: the prompt's tokens.
        most: tokens to write at most.
        stop: texts that end it, and are not part of it.
        on_text: called with every piece of text as soon as it is certain.

    Raises:
        DataError: the prompt leaves no room in the context.
        RecipeError: a sampling value out of range.
    """
    import numpy as np

    sampling.check()
    runner = decoder.runner
    room = runner.context - len(ids)
    if room < 1:
        raise DataError(
            f"The prompt has {len(ids)} tokens, and the model's context holds {runner.context}.",
            remedy="Shorten the prompt, or export (or open) the model with a longer context.",
        )
    random = np.random.default_rng(sampling.seed)
    stream, pieces, written = TextStream(decoder.processor, stop), list[str](), list[int]()

    def tell(piece: str) -> None:
        pieces.append(piece)
        if piece and on_text is not None:
            on_text(piece)

    runner.begin(len(ids) + min(most, room))
    started = time.perf_counter()
    logits = runner.extend(ids)[-1]
    first, why = started, "length" if most <= room else "context"
    for count in range(min(most, room)):
        token = choose(logits, sampling, [*ids, *written], random)
        written.append(token)
        if count == 0:
            first = time.perf_counter()
        if token in decoder.stop_ids:
            why = "stop token"
            break
        tell(stream.add(token))
        if stream.stopped:
            why = "stop text"
            break
        if count + 1 < min(most, room):
            logits = runner.extend([token])[-1]
    ended = time.perf_counter()
    tell(stream.end())
    return Generated(
        text="".join(pieces),
        ids=tuple(written),
        prompt_tokens=len(ids),
        stopped_by="stop text" if stream.stopped else why,
        first_seconds=first - started,
        next_seconds=ended - first,
        runtime=runner.name,
    )
