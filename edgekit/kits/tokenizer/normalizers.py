"""A tokenizer.json's normalizer → steps that only look things up."""

from __future__ import annotations

from edgekit.kits.tokenizer import numbers, probe
from edgekit.kits.tokenizer.charsmap import precompiled
from edgekit.kits.tokenizer.numbers import Mapped
from edgekit.kits.tokenizer.pattern import parse, program, text
from edgekit.kits.tokenizer.refuse import Json, fields, refusal

_BERT = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
_ONE_BY_ONE = ("Lowercase", "StripAccents", "Nmt", "NFD", "NFKD", "NFC", "NFKC")
_DECOMPOSED = {"NFC": "NFD", "NFKC": "NFKD"}

Step = str | Mapped  # a line of a kit's table, or a mapping that can still join its neighbours


def normalizer_lines(spec: Json | None) -> list[str]:
    """Lines of a kit's table, in the order of their steps."""
    steps: list[Step] = []
    for step in _steps(spec) if spec else []:
        if steps and not isinstance(step, str) and not isinstance(steps[-1], str):
            steps[-1] = numbers.composed(steps[-1], step)
        else:
            steps.append(step)
    return [
        step if isinstance(step, str) else " ".join(["map", *map(str, numbers.mapping(step))])
        for step in steps
        if step
    ]


def _steps(spec: Json) -> list[Step]:
    kind = spec["type"]
    if kind == "Sequence":
        return [step for part in fields(spec, kind, "normalizers")[0] for step in _steps(part)]
    if kind == "BertNormalizer":
        return _bert(spec)
    if kind in _ONE_BY_ONE:
        fields(spec, kind)
        return _unicode(kind) if kind.startswith("NF") else [probe.mapped(spec)]
    if kind == "Precompiled":
        return list(precompiled(fields(spec, kind, "precompiled_charsmap")[0]))
    if kind == "Replace":
        pattern, content = fields(spec, kind, "pattern", "content")
        node = parse(pattern["Regex"], kind) if "Regex" in pattern else text(pattern["String"])
        return [f"replace {_hex(content)}", *program(node)]
    if kind == "Prepend":
        return [f"prepend {_hex(fields(spec, kind, 'prepend')[0])} always"]
    if kind == "Strip":
        left, right = fields(spec, kind, "strip_left", "strip_right")
        runs, _ = numbers.partition([probe.stripped()])
        return [" ".join(map(str, ["strip", int(left), int(right), *runs]))]
    raise refusal(f"its normalizer has the part {kind}")


def _bert(spec: Json) -> list[Step]:
    clean, chinese, accents, lowercase = fields(spec, "BertNormalizer", *_BERT)
    off = dict.fromkeys(_BERT, False)

    def only(**on: bool) -> Mapped:
        return probe.mapped({"type": "BertNormalizer", **off, **on})

    steps: list[Step] = [only(clean_text=clean, handle_chinese_chars=chinese)]
    if lowercase if accents is None else accents:
        # Marks are put in order before they are dropped: a few that are kept could change places.
        steps += [*_unicode("NFD"), only(strip_accents=True)]
    return [*steps, only(lowercase=lowercase)]


def _unicode(form: str) -> list[Step]:
    order = numbers.classes(probe.combining_classes())
    made: list[Step] = [probe.mapped({"type": _DECOMPOSED.get(form, form)}), _line("order", order)]
    if form in _DECOMPOSED:
        made.append(_line("compose", numbers.compositions(probe.canonical_pairs())))
    return made


def _line(word: str, values: list[int]) -> str:
    return " ".join([word, *map(str, values)])


def _hex(content: str) -> str:
    return content.encode().hex() or "-"
