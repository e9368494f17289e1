"""A tokenizer.json's model → its line in a kit's table, its vocabulary, and its merges or scores."""

from __future__ import annotations

from collections.abc import Mapping

from edgekit.kits.tokenizer.refuse import Json, fields, refusal

_BPE = ("unk_token", "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges")


def model_files(model: Json) -> tuple[str, dict[str, str]]:
    """The `model` line, and the files by name.

    Raises:
        ExportError: the model is of another kind, or has a part that kits don't know.
    """
    kinds = {"WordPiece": _word_piece, "BPE": _bpe, "Unigram": _unigram}
    kind = model.get("type")
    if kind not in kinds:
        raise refusal(f"its model is of the kind {kind}")
    return kinds[kind](model)


def escaped(token: str) -> str:
    """A token on a line of its own."""
    return token.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _word_piece(model: Json) -> tuple[str, dict[str, str]]:
    names = ("unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab")
    unknown, prefix, longest, vocab = fields(model, "WordPiece", *names)
    line = f"model wordpiece {_id(vocab, unknown)} {longest} {prefix.encode().hex() or '-'}"
    return line, {"vocab.txt": _tokens(vocab)}


def _bpe(model: Json) -> tuple[str, dict[str, str]]:
    unknown, fuse, fallback, whole, vocab, merges = fields(model, "BPE", *_BPE)
    rows, last = [], 0
    for left, right in merges:
        made = vocab[left + right]
        rows.append(f"{vocab[left]} {vocab[right]} {made - last}")
        last = made
    flags = f"{int(fuse or False)} {int(fallback or False)} {int(whole or False)}"
    line = f"model bpe {-1 if unknown is None else _id(vocab, unknown)} {flags}"
    return line, {"vocab.txt": _tokens(vocab), "merges.txt": _lines(rows)}


def _unigram(model: Json) -> tuple[str, dict[str, str]]:
    unknown, fallback, vocab = fields(model, "Unigram", "unk_id", "byte_fallback", "vocab")
    if unknown is None:
        raise refusal("its Unigram model has no unk_id", "a text with an unknown character would fail")
    scores = [float(score) for _, score in vocab]
    line = f"model unigram {unknown} {int(fallback or False)} {min(scores)!r}"
    files = {
        "vocab.txt": _lines([escaped(t) for t, _ in vocab]),
        "scores.txt": _lines(list(map(repr, scores))),
    }
    return line, files


def _id(vocab: Mapping[str, int], token: str) -> int:
    if token not in vocab:
        raise refusal(f"its unknown token {token!r} is not in its vocabulary", "an unknown word would fail")
    return vocab[token]


def _tokens(vocab: Mapping[str, int]) -> str:
    """One token per line, at the line of its id; an id that no token has is an empty line."""
    by_id = {number: token for token, number in vocab.items()}
    if len(by_id) < len(vocab) or "" in vocab:
        raise refusal("two tokens of its vocabulary share an id, or one is empty")
    return _lines([escaped(by_id.get(i, "")) for i in range(max(by_id, default=-1) + 1)])


def _lines(rows: list[str]) -> str:
    return "".join(row + "\n" for row in rows)
