"""Text from a decoder, as a Python function; `edgekit generate` is a thin layer over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import ModelError
from edgekit.runtimes.decoder_sampling import Sampling

if TYPE_CHECKING:
    from edgekit.runtimes.decoder_generate import Generated

__all__ = ["Sampling", "generate"]


def generate(
    model: Path | str,
    prompt: str,
    *,
    tokens: int = 128,
    sampling: Sampling | None = None,
    chat: bool = False,
    system: str | None = None,
    stop: Sequence[str] = (),
    context: int | None = None,
    threads: int = 1,
    on_text: Callable[[str], None] | None = None,
) -> Generated:
    """Writes on after a prompt with any decoder: a folder, a GGUF file, an ONNX folder or an `.mlpackage`.

    Args:
        tokens: to write at most.
        sampling: how each is chosen; None takes the likeliest.
        chat: puts the prompt into the model's chat template, after what `system` says if it is given.
        stop: texts that end the output, beside the model's own stop tokens.
        context: tokens that the caches hold, for a model that is not exported.
        on_text: called with every piece of text as soon as it is certain.

    Raises:
        ModelError: not a decoder, damaged, or without a chat template.
        DataError: the prompt is empty or too long.
        ExportError: a family or a setting that can't be expressed.
        RecipeError: a sampling value out of range.
    """
    from edgekit.runtimes.decoder import open_decoder
    from edgekit.runtimes.decoder_generate import GREEDY, prompt_ids
    from edgekit.runtimes.decoder_generate import generate as write

    path = Path(model)
    if not path.exists():
        raise ModelError(f"{path} does not exist.", remedy="Check the path.")
    wanted = sampling or GREEDY
    wanted.check()  # before a model is loaded
    decoder = open_decoder(path, threads=threads, context=context)
    ids = prompt_ids(decoder.processor, prompt, chat=chat, system=system)
    return write(decoder, ids, most=tokens, sampling=wanted, stop=stop, on_text=on_text)
