"""A vocabulary cut to the data: the token table is half of a small model, and most rows are never read."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError
from edgekit.files import read_json, write_json
from edgekit.models.students import tokenizer_json
from edgekit.models.students.rebuild import rebuilt
from edgekit.types import Rows

SEPARATE_FILES = ("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "tokenizer.model")
SUPPRESSED = ("suppress_tokens", "begin_suppress_tokens")  # ids in a generation_config
PIPELINE = ("normalizer", "pre_tokenizer", "decoder")  # of a tokenizer.json


@dataclass(frozen=True, slots=True)
class Trimmed:
    """A tokenizer with fewer tokens."""

    processor: Any
    kept: tuple[int, ...]  # new id → old id
    ids: Mapping[int, int]  # old id → new id, of kept tokens


def count_tokens(rows: Rows) -> Counter[int]:
    """How often each token id occurs."""
    counts: Counter[int] = Counter()
    for row in rows:
        counts.update(row["input_ids"])
    return counts


def trim(
    processor: Any,
    counts: Mapping[int, int],
    *,
    min_count: int = 1,
    size: int | None = None,
    keep: Iterable[int] = (),
) -> Trimmed:
    """A tokenizer that knows only the tokens which `counts` uses, and those that any text falls back to.

    A text whose tokens are all kept gets the same tokens as before; see `tokenizer_json` for why.

    Args:
        processor: a fast Hugging Face tokenizer (WordPiece, BPE or Unigram).
        counts: occurrences by token id.
        min_count: occurrences that keep a token.
        size: most tokens in all, the fallback included; the most frequent are kept. None: no limit.
        keep: ids to keep in any case.

    Raises:
        ModelError: the tokenizer is of another kind, or `size` is too small for the fallback alone.
    """
    if not getattr(processor, "is_fast", False):
        raise ModelError(
            f"{type(processor).__name__} has no tokenizer.json, so its vocabulary can't be cut.",
            remedy="Leave student.vocabulary out, or use a model with a fast tokenizer.",
        )
    with tempfile.TemporaryDirectory() as folder:
        processor.save_pretrained(folder)
        spec = read_json(Path(folder) / "tokenizer.json")
        tokens = {i: token for token, i in tokenizer_json.vocabulary(spec).items()}
        kept = tokenizer_json.fallback(spec)
        wanted = {*keep, *processor.all_special_ids}
        parts = tokenizer_json.parts(spec)
        known = set(tokens.values())
        for i in wanted & tokens.keys():
            kept |= parts(tokens[i]) & known
        if size is not None and len(kept) > size:
            raise ModelError(
                f"student.vocabulary.size is {size:,}; special tokens and single characters, which any text "
                f"falls back to, are {len(kept):,} already.",
                remedy=f"Set it above {len(kept):,}, or leave it out.",
            )
        # Ties go to the lower id, which in most vocabularies is the more frequent token.
        for i, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            if count < min_count or i not in tokens:
                continue
            needed = parts(tokens[i]) & known
            if size is None or len(kept) + len(needed - kept) <= size:
                kept |= needed
        made, ids = tokenizer_json.rewritten(spec, kept)
        return Trimmed(_reloaded(Path(folder), made, ids), tuple(sorted(ids, key=lambda old: ids[old])), ids)


def _reloaded(folder: Path, spec: Mapping[str, Any], ids: Mapping[int, int]) -> Any:
    """The tokenizer as a user will load it: from the files, by plain transformers."""
    from transformers import AutoTokenizer

    for name in SEPARATE_FILES:
        (folder / name).unlink(missing_ok=True)
    write_json(folder / "tokenizer.json", spec)
    settings = read_json(folder / "tokenizer_config.json")
    settings.pop("added_tokens_decoder", None)  # tokenizer.json says it, with the new ids
    write_json(folder / "tokenizer_config.json", settings)
    made = AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True)
    if made.get_vocab() != tokenizer_json.vocabulary(spec):
        raise ModelError(
            f"{type(made).__name__} does not keep a vocabulary that was cut.",
            remedy="Leave student.vocabulary out for this model.",
        )
    return made


def with_vocabulary(module: Any, trimmed: Trimmed) -> Any:
    """A copy of `module` whose token table, and output layer over tokens, has the kept rows only.

    Raises:
        ModelError: the architecture counts positions from the padding token, whose id would change.
    """
    import torch

    config = copy.deepcopy(module.config)
    counts_from_padding = any(
        "position_embeddings" in name and child.padding_idx is not None
        for name, child in module.named_modules()
        if isinstance(child, torch.nn.Embedding)
    )
    pad = config.pad_token_id
    if counts_from_padding and trimmed.ids.get(pad) != pad:
        raise ModelError(
            f"A {config.model_type} model counts positions from its padding token {pad}, which would move.",
            remedy="Leave student.vocabulary out for this model.",
        )
    _renumber(config, trimmed.ids)
    config.vocab_size = len(trimmed.kept)
    rows = torch.tensor(trimmed.kept)
    made = rebuilt(module, config, choose=lambda key, axis: rows)
    if getattr(made, "generation_config", None) is not None:
        _renumber(made.generation_config, trimmed.ids)
    return made


def named_tokens(module: Any) -> set[int]:
    """Ids that a model's configurations name: what begins, ends and fills texts."""
    configs = (module.config, getattr(module, "generation_config", None))
    found: set[int] = set()
    for config in configs:
        for value in _named(config).values() if config is not None else ():
            found.update(value if isinstance(value, list) else [value])
    return found


def _named(config: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in config.to_dict().items()
        if (name.endswith("_token_id") or name in SUPPRESSED) and isinstance(value, int | list)
    }


def _renumber(config: Any, ids: Mapping[int, int]) -> None:
    for name, value in _named(config).items():
        if isinstance(value, list):
            setattr(config, name, [ids[i] for i in value if i in ids] or None)
        else:
            setattr(config, name, ids.get(value))


def chat_tokens(processor: Any) -> set[int]:
    """Tokens of what a tokenizer's chat template writes around messages; empty without a template."""
    found: set[int] = set()
    if getattr(processor, "chat_template", None):
        from jinja2 import TemplateError

        messages = [{"role": role, "content": ""} for role in ("system", "user", "assistant", "user")]
        for chat in (messages, messages[1:]):
            with contextlib.suppress(TemplateError):  # some templates know no system
                found.update(
                    processor.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
                )
    return found


def token_map(teacher: Any, student: Any) -> dict[int, int]:
    """Teacher token id → student token id, for the tokens that both have."""
    theirs, mine = teacher.get_vocab(), student.get_vocab()
    return {i: mine[token] for token, i in theirs.items() if token in mine}


def kept_tokens(teacher: Any, student: Any) -> tuple[int, ...] | None:
    """Student token id → teacher token id; None if it is not the teacher's tokenizer with fewer tokens."""
    told = [json.loads(one.backend_tokenizer.to_str()) for one in (teacher, student)]
    theirs, mine = teacher.get_vocab(), student.get_vocab()
    alike = all(told[0].get(part) == told[1].get(part) for part in PIPELINE)
    if not alike or told[0]["model"]["type"] != told[1]["model"]["type"] or not mine.keys() <= theirs.keys():
        return None
    order = sorted(mine, key=lambda token: mine[token])
    return tuple(theirs[token] for token in order) if mine[order[-1]] == len(order) - 1 else None


def spelling(teacher: Any, student: Any) -> Callable[[int], tuple[int, ...]]:
    """A function that gives for a teacher's token the student's tokens that write it."""
    ids = token_map(teacher, student)
    model = student.backend_tokenizer.model

    @functools.cache
    def spelled(token: int) -> tuple[int, ...]:
        if token in ids:
            return (ids[token],)
        return tuple(piece.id for piece in model.tokenize(teacher.convert_ids_to_tokens(token)))

    return spelled


def aligned(teacher: Any, student: Any, teacher_rows: Rows, student_rows: Rows) -> tuple[bool, ...]:
    """Which rows have the same tokens at the same positions for both.

    A student with a vocabulary of its own reads a text through its own tokenizer. Hidden states and attention
    can only be compared position by position, in aligned rows; logits of the text in all.

    Args:
        teacher: the teacher's tokenizer.
        student: the student's, cut from it.
        teacher_rows: the texts' rows by the teacher's tokenizer.
        student_rows: the same texts' rows by the student's.
    """
    ids = token_map(teacher, student)
    return tuple(
        [ids.get(i) for i in theirs["input_ids"]] == list(mine["input_ids"])
        for theirs, mine in zip(teacher_rows, student_rows, strict=True)
    )
