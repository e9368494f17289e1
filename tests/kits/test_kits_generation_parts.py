"""What the kits of a decoder share: its description, golden vectors and manifest, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from generator_kits import PROMPTS, onnx_decoder, tiny_parts

from edgekit.decoder_parity import StoredParity
from edgekit.errors import ExportError, GateFailed, ModelError
from edgekit.kits.generation.golden import golden_lines
from edgekit.kits.generation.interface import describe_generation
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.kits.generation.random import KitRandom
from edgekit.kits.manifest import proof
from edgekit.kits.onnx_model import require_decoder
from edgekit.runtimes.decoder import open_decoder
from edgekit.runtimes.decoder_generate import generate
from edgekit.types import Gate


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> GeneratorParts:
    return tiny_parts(tmp_path_factory.mktemp("parts"))


def test_the_tables_say_how_the_model_is_called(parts: GeneratorParts) -> None:
    lines = parts.files["generation.txt"].splitlines()
    assert lines[:3] == ["format 1", "context 128", f"vocabulary {parts.generation.vocabulary}"]
    assert "input ids input_ids" in lines and "input mask attention_mask" in lines
    assert "cache past_key_values.2.value present.2.value 2 16 float32" in lines
    assert f"stop {parts.generation.stop_ids[0]}" in lines and "logits logits" in lines
    assert "joint user end " + b"<|end|><|assistant|>".hex() in lines
    pieces = parts.files["pieces.txt"].split("\n")[:-1]
    assert len(pieces) == parts.generation.vocabulary and pieces[parts.generation.stop_ids[0]] == "-"
    assert "limit" not in parts.files["tokenizer.txt"].split()  # prompts are never cut


def test_prompts_and_continuations_are_those_of_edgekit_generate(parts: GeneratorParts) -> None:
    golden = parts.generation_golden
    assert [one.said for one in golden.prompted[: len(PROMPTS)]] == list(PROMPTS)
    opened = open_decoder(parts.artifact.path)
    assert len(golden.continued) == len(PROMPTS) + 1  # and a conversation
    for one in golden.continued:
        assert generate(opened, one.prompt, most=len(one.ids)).ids == one.ids
        assert len(one.margins) == len(one.ids) and min(one.margins) >= 0


def test_golden_vectors_have_lines_of_every_kind(parts: GeneratorParts) -> None:
    lines = golden_lines(parts.generation_golden, parts.generation)
    assert {line.split(" ")[0] for line in lines} == {"prompt", "chat", "stream", "choose", "greedy"}
    assert all(line.isascii() and "\n" not in line for line in lines)


def test_random_numbers_are_splitmix64s() -> None:
    draws = KitRandom(1234567)
    # The first numbers of the published C code for this seed, above 11 bits.
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [draws.random() for _ in known] == [(one >> 11) / 2**53 for one in known]


def test_choices_follow_their_probabilities() -> None:
    draws, p = KitRandom(1), np.array([0.0, 0.5, 0.0, 0.2, 0.3])
    counts = np.bincount([draws.choice(5, p) for _ in range(4000)], minlength=5) / 4000
    assert counts[0] == counts[2] == 0 and np.abs(counts - p).max() < 0.03


def test_the_manifest_says_what_was_proved_and_whether_it_chats(
    parts: GeneratorParts, tmp_path: Path
) -> None:
    made = parts.manifest(tmp_path / "kit", platform="web")
    assert made["parity"]["mean_kl"] == 0 and made["parity"]["positions"] == 1000
    assert made["generation"]["chat"] and made["generation"]["no_chat"] is None
    assert set(made["generation"]["tables"]) == {"generation.txt", "pieces.txt"}
    assert made["model"]["task"] == "text-generation" and made["licences"]["model"] == "Apache-2.0"
    assert "mean KL divergence is 0.0000 nats" in proof(parts.parity)
    assert made["parity"]["stored"] is None
    compared = replace(parts, parity=replace(parts.parity, stored=StoredParity(12, 3456, 0.5)))
    told = compared.manifest(tmp_path / "kit", platform="web")["parity"]["stored"]
    assert told == {"weights": 12, "numbers": 3456, "worst": 0.5}


def test_a_decoder_that_did_not_pass_is_refused(parts: GeneratorParts, tmp_path: Path) -> None:
    failed = replace(parts.parity, gates=(Gate("mean KL", 0.1, 0.2, False),))
    with pytest.raises(GateFailed, match=r"mean KL: 0\.2, allowed 0\.1"):
        replace(parts, parity=failed).manifest(tmp_path / "kit", platform="web")
    with pytest.raises(ModelError, match="parity is of"):
        replace(parts, parity=replace(parts.parity, artifact="another")).manifest(
            tmp_path / "kit", platform="web"
        )


def test_an_interface_that_kits_do_not_know_is_refused(parts: GeneratorParts) -> None:
    signature = parts.artifact.signature
    other = replace(signature, inputs=(*signature.inputs, replace(signature.inputs[0], name="images")))
    with pytest.raises(ExportError, match="images"):
        describe_generation(
            replace(parts.artifact, signature=other), pieces=(), strip=0, stop_ids=(), chat="none"
        )
    half = tuple(replace(cache, dtype="float16") for cache in parts.generation.caches)
    with pytest.raises(ExportError, match="keys and values as float16"):
        require_decoder(replace(parts, generation=replace(parts.generation, caches=half)), kit="web kit")


def test_a_model_with_learned_positions_takes_them(tmp_path: Path) -> None:
    artifact = onnx_decoder(tmp_path, family="gpt2")
    found = describe_generation(artifact, pieces=(), strip=0, stop_ids=(0,), chat="There is none.")
    assert found.inputs["positions"] == "position_ids"
    assert found.chat is None and found.no_chat == "There is none."
