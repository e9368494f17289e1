"""Generation from a folder, an ONNX folder and a package: the same text, and it ends where it should."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.errors import DataError, ModelError
from edgekit.export.coreml_decoder import export_decoder
from edgekit.export.onnx_decoder import export_onnx_decoder
from edgekit.generation import Sampling, generate
from edgekit.models.decoders.load import load_decoder
from edgekit.runtimes.decoder import open_decoder
from edgekit.runtimes.decoder_generate import generate as write
from edgekit.runtimes.decoder_generate import prompt_ids
from tests.decoder_examples import save_decoder

PROMPT = "the cat"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_decoder(tmp_path_factory.mktemp("decoder") / "m")


def test_all_forms_of_a_model_write_the_same(folder: Path, tmp_path: Path) -> None:
    expected = generate(folder, PROMPT, tokens=12)
    assert len(expected.ids) == 12 and expected.stopped_by == "length"
    loaded = load_decoder(folder, context=32)
    export_onnx_decoder(
        loaded.decoder,
        tmp_path / "onnx",
        name="m",
        precision="fp32",
        processor=loaded.processor,
        stop_ids=loaded.stop_ids,
    )
    export_decoder(loaded.decoder, tmp_path / "m.mlpackage", name="m")
    loaded.processor.save_pretrained(tmp_path)
    for form in ("onnx", "m.mlpackage"):
        found = generate(tmp_path / form, PROMPT, tokens=12)
        assert (found.ids, found.text) == (expected.ids, expected.text)
        assert found.runtime != expected.runtime


def test_pieces_are_the_text(folder: Path) -> None:
    pieces: list[str] = []
    found = generate(folder, PROMPT, tokens=30, on_text=pieces.append)
    assert "".join(pieces) == found.text and len(pieces) > 3 and found.prompt_tokens == 3


def test_it_ends_at_a_stop_token_a_stop_text_and_the_context(folder: Path) -> None:
    decoder = open_decoder(folder, context=20)
    ids = prompt_ids(decoder.processor, PROMPT)
    free = write(decoder, ids, most=100)
    assert free.stopped_by == "context" and len(ids) + len(free.ids) == 20
    token = free.ids[4]
    ended = write(replace(decoder, stop_ids=(token,)), ids, most=100)
    at = free.ids.index(token)
    assert ended.stopped_by == "stop token" and ended.ids == free.ids[: at + 1]
    assert ended.text == decoder.processor.decode(free.ids[:at])
    stop = free.text[3:6]
    cut = write(decoder, ids, most=100, stop=[stop])
    assert cut.stopped_by == "stop text" and cut.text == free.text[: free.text.index(stop)]
    with pytest.raises(DataError, match="context holds 20"):
        write(decoder, list(range(1, 21)), most=1)


def test_a_seed_makes_draws_repeatable(folder: Path) -> None:
    decoder = open_decoder(folder)
    ids = prompt_ids(decoder.processor, PROMPT)
    drawn = [write(decoder, ids, most=12, sampling=Sampling(temperature=2.0, seed=s)).ids for s in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_chat_is_put_into_the_models_template(folder: Path) -> None:
    processor = open_decoder(folder).processor
    told = processor.decode(prompt_ids(processor, "Hi", chat=True, system="Be kind"))
    assert told == "<|system|>Be kind<|end|><|user|>Hi<|end|><|assistant|>"
    with pytest.raises(DataError, match="needs a chat"):
        prompt_ids(processor, "Hi", system="Be kind")
    with pytest.raises(DataError, match="prompt is empty"):
        prompt_ids(processor, "")
    processor.chat_template = None
    with pytest.raises(ModelError, match="no chat template"):
        prompt_ids(processor, "Hi", chat=True)


def test_the_command_streams_and_tells(folder: Path, tmp_path: Path) -> None:
    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edgekit", "generate", *words]
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", cwd=tmp_path, timeout=300
        )

    expected = generate(folder, PROMPT, tokens=8)
    told = call(str(folder), PROMPT, "-n", "8", "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["text"] == expected.text and found["ids"] == list(expected.ids)
    plain = call(str(folder), PROMPT, "-n", "8")
    assert plain.stdout == expected.text + "\n"


def test_what_is_no_decoder_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        generate(tmp_path / "none", PROMPT)
    (tmp_path / "x.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match="not a decoder"):
        generate(tmp_path / "x.bin", PROMPT)
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match="can't be loaded"):
        generate(broken, PROMPT)
