"""Texts that tell tokenizers apart.

Each kind of text is one by which some implementation was found to differ: other Unicode tables, UTF-16, final
sigma, dropped and unassigned code points, long words, marks in another order, tokens' names in the text.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

Random = random.Random


def nasty_texts(count: int, seed: int = 0, names: Sequence[str] = ()) -> list[str]:
    """Texts of all kinds in turn, each of them different.

    Args:
        count: texts.
        seed: chooses them.
        names: of special and added tokens, which appear in some texts.
    """
    choose = Random(seed)
    kinds = [*_KINDS, lambda r: _tokens(r, names)]
    made: dict[str, None] = dict.fromkeys(_FIXED[:count])
    turn = 0
    while len(made) < count:
        made[kinds[turn % len(kinds)](choose)] = None
        turn += 1
    return list(made)


_FIXED = [
    "", " ", "   ", "\n", "\r\n", "\t", "\x00", "\ufeff", "\u200b", "\xa0", "\u3000", "\ufffd", "a", "▁", "Ġ",
    "##a", "|", "\u2028\u2029\x85\x1c\x1d\x1e\x1f", "Hello, world!",
    "I'm we're they'd it'S DON'T 'ſ 'LL l'été", "ΟΔΥΣΣΕΥΣ ΟΔΟΣ Σ ΑΣ. ΑΣ-ΑΣ Σ\u0313", "İstanbul ISPARTA ıi",
    "ǅ ǆ Ǆ ß ẞ ﬁ ﬂ ﬃ ﬆ ŉ ǰ ΐ K Å Ω", "a" * 99, "a" * 100, "a" * 101, "💩" * 50, "💩" * 100, "💩" * 101,
    "İ" * 50, "é" * 100, "e\u0301" * 51, "中" * 101, "1234567890 12 1,234.5 ٣٤٥ ४५६ Ⅷ ½ ² ①",
    "한국어 \u1112\u1161\u11ab 각 \u1100\u1161\u11a8 ㄱ", "が か\u3099 ｶﾞ ﾊﾟ",
    "👨\u200d👩\u200d👧\u200d👦 🏳\ufe0f\u200d🌈 👍🏽 🇫🇷🇩🇪🇫 1\ufe0f\u20e3 ❤\ufe0f ☺\ufe0e 🫠",
    "\U0002b820\U0002b91f\U0002b81f\U0002b920\U00030000",
    "q\u0307\u0323 q\u0323\u0307 \u0344 क़ क\u094d\u200dष \U0001d16d\U0001d165 \u1b44\u302a",
    "ש\u05b8\u05c1לו\u05b9ם ع\u064eر\u064eب\u0650ي\u0651 \u202bRTL\u202c ไทย",
    "\u0378\u0530\ue000\uf8ff\U000f0000\U0010fffd\ufdd0\uffff\U0001ffff", "\ud7ff\U0010ffff",
    "“quotes” ‘single’ — – … « » „", "a\x00b\x07c\x7fd\x9fe\xadf\u180eg\u2060h", "x\\ny \\\\ \\r",
]  # fmt: skip

_SAMPLES = (
    "the quick brown fox jumps over lazy dog movie don't it's I'd we'll NASA McDonald naïve "
    "café Ångström Übergröße straße résumé señor coöperate Привет МИР всё ёлка Київ Ελλάδα "
    "ΚΌΣΜΟΣ λόγος Σίσυφος שלום עולם مرحبا العالم नमस्ते दुनिया ক্ষমতা தமிழ் తెలుగు ಕನ್ನಡ "
    "മലയാളം සිංහල ไทย ລາວ မြန်မာ ខ្មែរ ქართული հայերեն አማርኛ ᏣᎳᎩ ꮳꮃꭹ 你好 世界 漢字 こんにちは カタカナ "
    "ｶﾀｶﾅ 한국어 조선말 Tiếng Việt Đặng ﷺ ﷽ 𝕳𝖊𝖑𝖑𝖔 𝒜 ｆｕｌｌ ⅷ №1 ™ ℃ ﬁne ʼn unaffable tokenization "
    "don't_stop snake_case CamelCase http://a.b/c?d=e&f#g me@x.org #tag @you $5.00 £3 €10 50% "
    "C++ 3.14 1,000 2024-01-02 "
)
_WORDS = _SAMPLES.split()
_SPACES = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_HIDDEN = (
    "\x00\x01\x07\x08\x1b\x7f\x80\x9f\xad\u0600\u061c\u070f\u180e\u200b\u200c\u200d\u200e"
    "\u202a\u202e\u2060\u2066\ufeff\ufff9\ufffc\ufffd\ufffe\U000e0001\U000e0041"
)
_MARKS = (
    "\u0300\u0301\u0302\u0308\u030a\u031b\u0323\u0327\u0328\u0334\u0338\u0344\u0345\u034f"
    "\u0360\u05b0\u064b\u093c\u094d\u0e38\u0f71\u1abe\u20dd\u20e3\u302a\u302e\u3099\ufe0f"
    "\ufe20\U0001d165\U0001d16d\u1b44\u0489"
)
_BASES = "aeoqAÅĒxZ1ßøÇοΩИйकคあカ가\u1100\u1161\u11a8한𝐀😀=<♥"
_CASED = "ΣςσİıẞßǄǅǆŉΐΰՙևﬀﬃﬅﬖᾼᾳῼℵKÅΩꞋɥⱭɑꭰᏸⴀႠᲐა𐐀𐐨𞤀𞤢ſʼ'ÀÉÎÕÜŸЖҖԱႭ"
_EMOJI = "😀😂❤👍🏽🏿👨👩👧👦👶🏳🏴🌈☠♂♀⚕🇦🇫🇷🇿🧑🚀1#*⌚™©®‼㊗\U0001fae8\U0001fabf\U0001fae9🀄"
_PUNCTUATION = (
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡§«»¿‐‑–—―‘’“”„…‹›⁂⁇、。「」《》・！？，．；：＂＇（）［］｛｝ー〜׀،؛؟।॥་፡᠀⸮﹏"
    "￥¢£€¥№°±×÷¬¦©®™←↑→∀∂∑√∞≈≠≤≥■□▲△◆◇○●★☆♠♣♥♦"
)
_DIGITS = "0123456789٠١٣٤९०৬๒໓༤၅០᠗０９𝟎𝟙²³¹½¼¾ⅠⅧⅻↀ①⑳㉛一二三〇〡𐄇𒐖"
_EDGES = (0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF)


def _some(of: Sequence[str], least: int, most: int) -> Callable[[Random], str]:
    return lambda r: "".join(r.choice(of) for _ in range(r.randint(least, most)))


def _sentence(r: Random) -> str:
    between = " " if r.random() < 0.7 else _some(_SPACES, 1, 3)(r)
    return between.join(r.choice(_WORDS) for _ in range(r.randint(1, 12))) + r.choice(
        ["", ".", "!", " ", "…", "\n"]
    )


def _spaced(r: Random) -> str:
    return "".join(r.choice(_WORDS + list(_SPACES) * 4) for _ in range(r.randint(1, 12)))


def _hidden(r: Random) -> str:
    word = list(_sentence(r))
    for _ in range(r.randint(1, 5)):
        word.insert(r.randint(0, len(word)), r.choice(_HIDDEN))
    return "".join(word)


def _combined(r: Random) -> str:
    return "".join(r.choice(_BASES) + _some(_MARKS, 0, 4)(r) for _ in range(r.randint(1, 8)))


def _jamo(r: Random) -> str:
    parts = [
        "\u1100\u1101\u1112\ua960",
        "\u1160\u1161\u1175\ud7b0",
        "\u11a7\u11a8\u11c2\ud7cb",
        "가각힣",
        "ㄱㅏㅣ",
        " \u302e\u0301",
    ]
    return "".join(r.choice(r.choice(parts)) for _ in range(r.randint(1, 10)))


def _emoji(r: Random) -> str:
    return "".join(
        r.choice(_EMOJI) + r.choice(["", "\u200d", "\ufe0f", "\ufe0e", " "]) for _ in range(r.randint(1, 9))
    )


def _long_word(r: Random) -> str:
    return r.choice(
        ["a", "ab", "💩", "é", "e\u0301", "中", "İ", "ß", "ﬃ", "한", "x\u00ad", "\u0301"]
    ) * r.randint(30, 130)


def _scalars(low: int, high: int) -> Callable[[Random], str]:
    def made(r: Random) -> str:
        codes = [r.randrange(low, high) for _ in range(r.randint(1, 12))]
        return "".join(chr(c) if not 0xD800 <= c < 0xE000 else " " for c in codes)

    return made


def _edge(r: Random) -> str:
    codes = [max(0, min(0x10FFFF, r.choice(_EDGES) + r.randint(-2, 2))) for _ in range(r.randint(1, 6))]
    return "".join("a" + chr(c) for c in codes if not 0xD800 <= c < 0xE000) or "b"


def _contracted(r: Random) -> str:
    ends = [
        "'s",
        "'S",
        "'ſ",
        "'t",
        "'re",
        "'RE",
        "'ve",
        "'m",
        "'ll",
        "'Ll",
        "'d",
        "’s",
        "''",
        "'",
        "'x",
        "s'",
    ]
    return "".join(
        r.choice(["it", "I", "we", "Ω", "1", " ", "中", "!"]) + r.choice(ends) for _ in range(r.randint(1, 8))
    )


def _cased(r: Random) -> str:
    return "".join(r.choice(_CASED + "  aA.") for _ in range(r.randint(1, 14)))


def _mixed(r: Random) -> str:
    return "".join(r.choice(_KINDS[:-1])(r)[:20] for _ in range(r.randint(2, 5)))


def _document(r: Random) -> str:
    return " ".join(_sentence(r) for _ in range(r.randint(12, 40)))


def _tokens(r: Random, names: Sequence[str]) -> str:
    """Names of tokens, whole and damaged, among words and spaces."""
    made = []
    for _ in range(r.randint(1, 6)):
        name = r.choice(
            [*names, "[CLS]", "[MASK]", "<s>", "</s>", "<mask>", "<unk>", "<|endoftext|>", "<0x0A>", "##ing"]
        )
        cut = r.randrange(len(name)) if name else 0
        damaged = [
            name,
            name,
            name.lower(),
            name.upper(),
            name[:cut] + " " + name[cut:],
            name[cut:],
            name + name,
        ]
        made += [
            r.choice(damaged),
            r.choice(["", " ", "  ", "\t", "a", "é", "_", ".", "\u3000", "\u0301", "\0", "中"]),
        ]
    return "".join(made)


_KINDS: list[Callable[[Random], str]] = [
    _sentence,
    _spaced,
    _hidden,
    _combined,
    _jamo,
    _emoji,
    _long_word,
    _contracted,
    _cased,
    _some(_PUNCTUATION + " a", 1, 15),
    _some(_DIGITS + " ,.a", 1, 15),
    _some(_SPACES + "ab", 1, 12),
    _some(_HIDDEN + _MARKS + "ab ", 1, 12),
    _scalars(0, 0x300),
    _scalars(0x300, 0x3000),
    _scalars(0x2000, 0x10000),
    _scalars(0, 0x110000),
    _scalars(0x1D000, 0x1FB00),
    _edge,
    _document,
    _mixed,
]
