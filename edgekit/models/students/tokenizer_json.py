"""tokenizer.json with fewer tokens: what must stay so that every text still has tokens, and new ids.

For each kind of model the cut keeps this promise: a text whose tokens are all kept gets the same tokens.

    WordPiece   The longest match at each place is still there, and no longer one has come.
    BPE         A kept token brings the pieces it is merged from. Merges among kept tokens keep their order,
                so the first merge that applied before is the first one that applies now.
    Unigram     The best path's pieces are still there, and fewer others compete. The worst piece stays too:
                the score of an unknown character is counted from it.

A word of which tokens were dropped falls back to smaller kept ones, in the end to single characters or bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from edgekit.errors import ModelError

BYTE = re.compile(r"^<0x[0-9A-F]{2}>$")  # sentencepiece's byte fallback
BYTES = {f"<0x{i:02X}>" for i in range(256)}
Json = Mapping[str, Any]


def vocabulary(spec: Json) -> dict[str, int]:
    """Token → id of a tokenizer.json, tokens added beside the model's own included."""
    own = spec["model"]["vocab"]
    ids = {piece[0]: i for i, piece in enumerate(own)} if isinstance(own, list) else dict(own)
    return ids | {added["content"]: added["id"] for added in spec["added_tokens"]}


def fallback(spec: Json) -> set[str]:
    """Tokens that stay whatever the data: added and unknown ones, bytes, and without bytes single characters.

    Raises:
        ModelError: the tokenizer's model is of another kind.
    """
    model = spec["model"]
    kind, tokens = model.get("type"), vocabulary(spec)
    kept = {added["content"] for added in spec["added_tokens"]}
    if model.get("byte_fallback") and tokens.keys() >= BYTES:
        single = BYTES  # a character without a token is written as its bytes
    else:
        single = {t for t in tokens if len(t) == 1 or BYTE.match(t)}
    if kind == "WordPiece":
        prefix = model["continuing_subword_prefix"]
        kept |= {t for t in tokens if len(t.removeprefix(prefix)) == 1} | {model["unk_token"]}
    elif kind == "BPE" and not model.get("continuing_subword_prefix"):
        suffix = model.get("end_of_word_suffix") or ""
        kept |= single
        if suffix:
            kept |= {t for t in tokens if t.endswith(suffix) and len(t) == len(suffix) + 1}
        kept |= {model["unk_token"]} if model.get("unk_token") else set()
    elif kind == "Unigram":
        pieces = model["vocab"]
        kept |= single
        kept.add(min(pieces, key=lambda piece: piece[1])[0])
        kept |= {pieces[model["unk_id"]][0]} if model.get("unk_id") is not None else set()
    else:
        raise ModelError(
            f"A tokenizer of the kind {kind} can't have its vocabulary cut.",
            remedy="Leave student.vocabulary out; WordPiece, BPE and Unigram tokenizers can be cut.",
        )
    return kept & tokens.keys()


def parts(spec: Json) -> Callable[[str], set[str]]:
    """A function that gives a token and every token that it can only be built from."""
    model = spec["model"]
    if model["type"] != "BPE":
        return lambda token: {token}
    rank = {pair: i for i, pair in enumerate(_merges(model))}
    suffix = model.get("end_of_word_suffix") or ""
    added = {one["content"] for one in spec["added_tokens"]}  # found in a text before anything is merged

    def built_from(token: str) -> set[str]:
        if token in added:
            return {token}
        ends = bool(suffix) and token.endswith(suffix)
        symbols = list(token.removesuffix(suffix) if ends else token)
        if ends and symbols:
            symbols[-1] += suffix
        needed = {token, *symbols}
        while len(symbols) > 1:
            best = min(range(len(symbols) - 1), key=lambda i: rank.get((symbols[i], symbols[i + 1]), 1 << 60))
            if (symbols[best], symbols[best + 1]) not in rank:
                break
            symbols[best : best + 2] = [symbols[best] + symbols[best + 1]]
            needed.add(symbols[best])
        return needed

    return built_from


def rewritten(spec: Json, kept: Collection[str]) -> tuple[dict[str, Any], dict[int, int]]:
    """The same tokenizer.json with only the `kept` tokens, and old id → new id.

    Tokens keep their order; those that only `added_tokens` lists come last, where a loader puts them.
    """
    model = dict(spec["model"])
    own = model["vocab"]
    old = vocabulary(spec)
    is_own = {piece[0] for piece in own} if isinstance(own, list) else own.keys()
    order = sorted(kept, key=lambda token: (token not in is_own, old[token]))
    new = {token: i for i, token in enumerate(order)}
    if isinstance(own, list):
        model["vocab"] = [piece for piece in own if piece[0] in new]
        if model.get("unk_id") is not None:
            model["unk_id"] = new[own[model["unk_id"]][0]]
    else:
        model["vocab"] = {token: i for token, i in new.items() if token in own}
    if model.get("merges") is not None:
        model["merges"] = [
            list(pair)
            for pair in _merges(model)
            if pair[0] in new and pair[1] in new and "".join(pair) in new
        ]
    ids = {old[token]: i for token, i in new.items()}
    made = {
        **spec,
        "model": model,
        "added_tokens": sorted(
            ({**added, "id": new[added["content"]]} for added in spec["added_tokens"]), key=lambda a: a["id"]
        ),
        "post_processor": _with_ids(spec.get("post_processor"), ids),
    }
    if spec.get("padding"):
        made["padding"] = {**spec["padding"], "pad_id": ids[spec["padding"]["pad_id"]]}
    return made, ids


def _merges(model: Json) -> list[tuple[str, str]]:
    """Pairs in order; older files write them as one string."""
    pairs = (m.split(" ") if isinstance(m, str) else m for m in model["merges"])
    return [(left, right) for left, right in pairs]


def _with_ids(step: Any, ids: Mapping[int, int]) -> Any:
    """A post-processor with every token id exchanged: templates, BERT's and RoBERTa's, and sequences."""
    if not isinstance(step, Mapping):
        return step
    made = dict(step)
    if "processors" in made:
        made["processors"] = [_with_ids(inner, ids) for inner in made["processors"]]
    if isinstance(made.get("special_tokens"), Mapping):
        made["special_tokens"] = {
            name: {**token, "ids": [ids[i] for i in token["ids"]]}
            for name, token in made["special_tokens"].items()
        }
    for name in ("sep", "cls"):
        if isinstance(made.get(name), list):
            made[name] = [made[name][0], ids[made[name][1]]]
    return made
