"""A small random decoder in a stateful package, and what a Swift package of it is made of."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

from generator_kits import passed

from edgekit.export.coreml_decoder import export_decoder
from edgekit.kits.generation.golden import Prompted
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.models.decoders.load import load_decoder, load_text_tokenizer
from edgekit.stages.decoder_bundling import generator_parts
from edgekit.types import Artifact
from tests.decoder_examples import example, tokenizer

STREAMS = 400
CONTEXT = 256  # tokens: more than the package reads at once
FRONT_END = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "config.json")


def stateful_package(folder: Path) -> Artifact:
    """Exports it, with its tokenizer beside it."""
    model, words = folder / "model", tokenizer()
    settings = {"vocab_size": len(words), "eos_token_id": words.eos_token_id, "num_hidden_layers": 2}
    example("llama", max_position_embeddings=CONTEXT, **settings).save_pretrained(model)
    words.save_pretrained(model)
    path = folder / "coreml" / "model.mlpackage"
    made = export_decoder(load_decoder(model, context=CONTEXT).decoder, path, name="tiny")
    for name in FRONT_END:
        shutil.copy(model / name, path.parent)
    return made


def stateful_parts(artifact: Artifact, *, name: str = "tiny stories") -> GeneratorParts:
    """With three prompts that it really wrote on after, by reference semantics."""
    texts = ("the cat sat", "naïve café", "a 🦀")
    return generator_parts(artifact, passed(artifact), name=name, texts=texts, licences={"model": "MIT"})


def hardened(parts: GeneratorParts) -> GeneratorParts:
    """The same with what this tokenizer has not, and with many streams of random bytes and stop texts.

    Others have texts that lose a space at their beginning, and roles whose texts lose white space.
    """
    assert parts.generation.chat is not None
    chat = replace(parts.generation.chat, trimmed=("user",))
    words = load_text_tokenizer(parts.artifact.path.parent)
    turns = (("user", " \x1c\u3000 two  words\u200b \x85\n"), ("assistant", "  kept  "), ("user", "\u2003"))
    said = Prompted(turns, tuple(words(chat.prompt(turns), add_special_tokens=False)["input_ids"]))
    plain = [one for one in parts.generation_golden.prompted if isinstance(one.said, str)]
    choose, texts, streams = random.Random(1), ("a", "é", "ab", "aba", "\ufffd", " t", "🦀", "the c"), []
    for number in range(STREAMS):
        # Half of them of letters that meet stop texts, half of any bytes.
        among = words("aababab the cat é🦀é🦀 t", add_special_tokens=False)["input_ids"]
        ids = choose.choices(among if number % 2 else range(parts.generation.vocabulary), k=number % 17)
        streams.append((tuple(choose.sample(texts, k=number % 4)), tuple(ids)))
    return replace(
        parts,
        generation=replace(parts.generation, chat=chat, strip=1),
        generation_golden=replace(parts.generation_golden, prompted=(*plain, said), streams=tuple(streams)),
    )
