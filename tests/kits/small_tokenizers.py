"""Small tokenizers of every kind that kits know, trained on the nasty texts themselves."""

from __future__ import annotations

import functools
import json
import struct
from collections.abc import Callable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from edgekit.kits.tokenizer import nasty_texts

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


@functools.cache
def texts() -> list[str]:
    return [text for text in nasty_texts(1200, seed=11) if 0 < len(text) < 200]


def _trained(tokenizer: Tokenizer, trainer: trainers.Trainer, on: int | None = None) -> Tokenizer:
    tokenizer.train_from_iterator(texts()[:on], trainer)
    return tokenizer


def _bert(tokenizer: Tokenizer) -> Tokenizer:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=1500, special_tokens=special, show_progress=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    _trained(tokenizer, trainer).post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def uncased() -> Tokenizer:
    """BERT's, with tokens that look at their neighbours and match normalized text."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    _bert(made).enable_truncation(48)
    word = AddedToken("Movie", single_word=True, normalized=True)
    eager = AddedToken("ÉTÉ", lstrip=True, rstrip=True, normalized=True)
    made.add_tokens([word, eager, AddedToken("ab", rstrip=True, single_word=True, normalized=False)])
    made.enable_padding(pad_id=0, pad_token="[PAD]")
    return made


def cased() -> Tokenizer:
    """BERT's with case and accents, cut from the left, words of 20."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    made.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    _bert(made).enable_truncation(24, direction="left")
    return made


def roberta() -> Tokenizer:
    """Byte-level BPE with a space in front, unknown bytes dropped, only the first text cut."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    _trained(made, trainers.BpeTrainer(vocab_size=1500, special_tokens=special, show_progress=False))
    made.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    made.enable_truncation(32, strategy="only_first")
    return made


def llama3() -> Tokenizer:
    """Byte-level BPE split by a regular expression that ignores case in places; whole words, then merges."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(LLAMA3), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=1200,
        special_tokens=["<|begin|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    spec = json.loads(_trained(made, trainer).to_str())
    spec["model"]["ignore_merges"] = True
    del spec["model"]["merges"][::3]  # some words can be had whole only
    made = Tokenizer.from_str(json.dumps(spec))
    made.post_processor = processors.TemplateProcessing(
        single="<|begin|> $A", pair="<|begin|> $A <|begin|>:1 $B:1", special_tokens=[("<|begin|>", 0)]
    )
    return made


def llama2() -> Tokenizer:
    """BPE over whole texts with bytes for unknown characters, a few of which are missing."""
    trainer = trainers.BpeTrainer(
        vocab_size=1000, special_tokens=["<unk>", "<s>", *BYTES[8:]], limit_alphabet=200, show_progress=False
    )
    made = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return _trained(made, trainer)


def unigram() -> Tokenizer:
    """SentencePiece's, with a precompiled map beside NFKC, and spaces run together."""
    made = Tokenizer(models.Unigram())
    keys = {
        "ﬁ": "fi",
        "ﬁ\u0301": "X",
        "e\u0301": "E!",
        "\r": " ",
        "\u200b": "",
        "™": "(tm)",
        "क": "K",
    }
    made.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(charsmap(keys)),
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Strip(left=False),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    trainer = trainers.UnigramTrainer(
        vocab_size=1200, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    _trained(made, trainer, 150).add_special_tokens(["<extra>"])
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B:1 </s>:1", special_tokens=[("</s>", 1)]
    )
    return made


def unigram_bytes() -> Tokenizer:
    """A Unigram model with bytes for unknown characters, over words and digits."""
    trainer = trainers.UnigramTrainer(
        vocab_size=1200, special_tokens=["<unk>", *BYTES], unk_token="<unk>", show_progress=False
    )
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation("contiguous"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Metaspace(split=False),
        ]
    )
    spec = _trained(made, trainer, 150).to_str().replace('"byte_fallback":false', '"byte_fallback":true')
    return Tokenizer.from_str(spec)


KINDS: dict[str, Callable[[], Tokenizer]] = {
    made.__name__: made for made in (uncased, cased, roberta, llama3, llama2, unigram, unigram_bytes)
}


@functools.cache
def _content(kind: str) -> str:
    return KINDS[kind]().to_str()


def saved(kind: str, folder: Path) -> Path:
    """The tokenizer.json of a kind, trained once."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tokenizer.json"
    path.write_text(_content(kind), encoding="utf-8")
    return path


def charsmap(replacements: dict[str, str]) -> bytes:
    """SentencePiece's precompiled map: a Darts-clone double array, then the replacements."""
    values, starts = b"", {}
    for value in dict.fromkeys(replacements.values()):
        starts[value] = len(values)
        values += value.encode() + b"\0"
    keys = {key.encode(): starts[value] for key, value in replacements.items()}
    units, bases = {0: 0}, set[int]()
    todo = [(0, b"")]
    while todo:
        place, prefix = todo.pop()
        below = {key[len(prefix)] if len(key) > len(prefix) else 0 for key in keys if key.startswith(prefix)}
        base = next(
            b for b in range(1, 1 << 20) if b not in bases and all(b ^ child not in units for child in below)
        )
        bases.add(base)
        units[place] |= (place ^ base) << 10
        for child in below:
            units[base ^ child] = child
            if child:
                todo.append((base ^ child, prefix + bytes([child])))
            else:
                units[base] = 1 << 31 | keys[prefix]
                units[place] |= 1 << 8
    size = max(units) + 256 & ~255
    return struct.pack(f"<I{size}I", 4 * size, *(units.get(i, 0) for i in range(size))) + values
