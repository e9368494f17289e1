"""Samples of a decoder for many prompts: batched, with a cache, each prompt at most once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from edgekit import progress
from edgekit.errors import DataError
from edgekit.files import disk_errors
from edgekit.tune.examples import render


def prompt_text(row: Mapping[str, Any], processor: Any, *, chat: bool) -> str:
    """What the model reads: the prompt as it is, or as a user's words in its chat template."""
    if not chat:
        return str(row["prompt"])
    return render([{"role": "user", "content": str(row["prompt"])}], processor, answer=True)


def sample(
    model: Any,
    processor: Any,
    prompts: Sequence[str],
    path: Path,
    *,
    samples: int,
    tokens: int,
    temperature: float,
    seed: int,
    batch: int,
    stop: Sequence[str] = (),
    special: bool = True,
    title: str = "Samples",
) -> list[list[str]]:
    """Draws texts for each prompt, and appends them to a JSON-lines file as soon as a prompt is finished.

    What the file holds is not generated again. A group of prompts is seeded by `seed` and its place, so that
    a run that was killed in between ends with the same samples.

    Args:
        model: a causal language model of transformers, on its device.
        path: lines of {"prompt": index, "samples": […]}.
        tokens: of one sample, at most.
        temperature: 0 takes the likeliest, and then all samples of a prompt are the same.
        batch: sequences generated at once, about.
        stop: texts that end a sample, and are not part of it.
        special: whether the tokenizer adds its own beginning; a chat template has written it already.

    Returns:
        The samples of each prompt, without the prompt and without special tokens.

    Raises:
        DataError: the file belongs to other prompts.
    """
    import torch

    done = _read(path, len(prompts), samples)
    size = max(1, batch // samples)
    groups = [range(start, min(start + size, len(prompts))) for start in range(0, len(prompts), size)]
    open_groups = [group for group in groups if any(i not in done for i in group)]
    if open_groups:
        path.parent.mkdir(parents=True, exist_ok=True)
    with (
        progress.bar(title, len(prompts), "prompts") as bar,
        path.open("a", encoding="utf-8") if open_groups else nullcontext() as stream,
    ):
        bar.advance(len(prompts) - sum(len(group) for group in open_groups))
        for group in open_groups:
            with torch.random.fork_rng(devices=[model.device] if model.device.type == "cuda" else []):
                torch.manual_seed(seed * 1_000_003 + group.start)
                texts = _draw(
                    model,
                    processor,
                    [prompts[i] for i in group],
                    samples=samples,
                    tokens=tokens,
                    temperature=temperature,
                    stop=stop,
                    special=special,
                )
            with disk_errors(path):
                for index, found in zip(group, texts, strict=True):
                    if index not in done:
                        done[index] = found
                        line = json.dumps({"prompt": index, "samples": found}, ensure_ascii=False)
                        assert stream is not None
                        stream.write(line + "\n")
                        stream.flush()
            bar.advance(len(group))
    return [done[i] for i in range(len(prompts))]


def _read(path: Path, count: int, samples: int) -> dict[int, list[str]]:
    """What the file holds. A line that a kill cut off is dropped from it."""
    done: dict[int, list[str]] = {}
    if not path.is_file():
        return done
    whole = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            told = json.loads(line)
        except ValueError:
            break
        if told["prompt"] >= count or len(told["samples"]) != samples:
            raise DataError(
                f"{path} holds samples of another run.", remedy="Delete it, or choose another --out."
            )
        done[told["prompt"]] = told["samples"]
        whole.append(line if line.endswith("\n") else line + "\n")
    path.write_text("".join(whole), encoding="utf-8")
    return done


def _draw(
    model: Any,
    processor: Any,
    prompts: Sequence[str],
    *,
    samples: int,
    tokens: int,
    temperature: float,
    stop: Sequence[str],
    special: bool,
) -> list[list[str]]:
    import torch
    from transformers import DynamicCache

    from edgekit.models.decoders.load import stop_ids

    rows = [list(processor(prompt, add_special_tokens=special)["input_ids"]) for prompt in prompts]
    longest, ends = max(map(len, rows)), stop_ids(processor, model.generation_config, model.config)
    pad = ends[0] if ends else 0
    ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows], device=model.device)
    mask = torch.tensor([[0] * (longest - len(r)) + [1] * len(r) for r in rows], device=model.device)
    drawn = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    times = samples if temperature else 1
    cache = DynamicCache(config=model.config)
    with torch.inference_mode():
        if longest > 1:  # each prompt is read once, however many samples begin with it
            positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, :-1]
            model(
                input_ids=ids[:, :-1],
                attention_mask=mask[:, :-1],
                position_ids=positions,
                past_key_values=cache,
                logits_to_keep=1,
            )
            cache.batch_repeat_interleave(times)
        out = model.generate(
            input_ids=ids.repeat_interleave(times, 0),
            attention_mask=mask.repeat_interleave(times, 0),
            past_key_values=cache,
            max_new_tokens=tokens,
            pad_token_id=pad,
            eos_token_id=list(ends) or None,
            **(drawn if temperature else {"do_sample": False}),
            **({"stop_strings": list(stop), "tokenizer": processor} if stop else {}),
        )
    texts = processor.batch_decode(
        out[:, longest:], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    for one in stop:
        texts = [text.partition(one)[0] for text in texts]
    return [texts[i * times : (i + 1) * times] * (samples // times) for i in range(len(prompts))]
