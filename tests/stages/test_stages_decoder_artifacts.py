"""`edgekit export` and `edgekit verify` of a decoder, from the command to files that other commands read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from edgekit import progress
from edgekit.cli.main import main
from edgekit.errors import DataError, ExportError, ModelError
from edgekit.generation import generate
from edgekit.stages.decoder_artifacts import build_decoder, export_decoder, verify_decoder
from edgekit.stages.decoder_conversion import Conversions
from edgekit.stages.decoder_settings import DecoderSettings, decoder_settings
from edgekit.stages.decoder_source import decoder_bytes, is_decoder, read_texts
from tests.decoder_examples import save_decoder

CONTEXT = 64
SETTINGS = decoder_settings(context=CONTEXT, steps=4)


def call(*words: Any) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], prog_name="edgekit")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_decoder(tmp_path_factory.mktemp("decoder") / "tiny")


@pytest.fixture(scope="module")
def out(model: Path) -> Path:
    """Both targets at 8 bits, once for all tests here."""
    folder = model.parent / "exported"
    built = export_decoder(
        model, targets=["onnxruntime", "coreml"], precisions=["int8"], out=folder, settings=SETTINGS
    )
    assert [b.rejected_because for b in built] == ["", ""]
    for one in built:
        assert one.parity.passed and one.parity.gates
        assert one.artifact.signature.max_length == CONTEXT
        assert one.seconds > 0 and 10**8 < one.peak_bytes < 4 * 10**9
    return folder


def test_every_file_is_complete_by_itself(model: Path, out: Path) -> None:
    expected = generate(model, "the cat", tokens=6)
    for path in ("onnxruntime-int8", "coreml/model_int8.mlpackage"):
        assert len(generate(out / path, "the cat", tokens=6).ids) == len(expected.ids)
    package_folder = {p.name for p in (out / "coreml").iterdir()}
    assert {"tokenizer.json", "config.json", "generation_config.json"} <= package_folder
    assert json.loads((out / "coreml/generation_config.json").read_text())["eos_token_id"] == [0]
    assert not (out / "rejected").exists()


class Lines(progress.Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_what_has_not_changed_is_not_made_again(model: Path, out: Path) -> None:
    lines = Lines()
    progress.listen(lines)
    try:
        built = export_decoder(
            model, targets=["onnxruntime"], precisions=["int8"], out=out, settings=SETTINGS
        )
    finally:
        progress.listen(progress.Silent())
    assert [line for line in lines.said if "unchanged, reused" in line] == lines.said[1:]
    assert "memory loading" in lines.said[0] and "available" in lines.said[0] and len(lines.said) == 3
    assert built[0].parity.passed and built[0].peak_bytes > 0


def test_verify_tells_a_table_and_json(model: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("the cat sat on the mat\n\nGrüße aus Köln\n", encoding="utf-8")
    told = call(
        "verify",
        out / "onnxruntime-int8",
        "--against",
        model,
        "--data",
        tmp_path / "texts.txt",
        "-q",
        "--steps",
        3,
    )
    assert told.exit_code == 0, told.output
    assert "passed against tiny, transformers" in told.stdout and "Grüße aus Köln" in told.stdout
    assert "ok   mean KL" in told.stdout and "Written alike" in told.stdout
    found = call("verify", out / "onnxruntime-int8/model.onnx", "--against", model, "--json")
    parity = json.loads(found.stdout)["parity"]
    assert found.exit_code == 0 and len(parity["texts"]) == 10 and parity["perplexity"] > 1
    strict = call("verify", out / "onnxruntime-int8", "--against", model, "-q", "--max-kl", "1e-9")
    assert strict.exit_code == 9 and "FAIL mean KL" in strict.stdout
    package = call("verify", out / "coreml/model_int8.mlpackage", "--against", model, "--steps", 1, "-q")
    assert package.exit_code == 0 and "reference semantics, not device output" in package.stdout


def test_a_wrong_scale_is_refused(model: Path, out: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(out / "onnxruntime-int8", tmp_path / "m")
    graph = onnx.load(folder / "model.onnx")
    scales = max(
        (i for i in graph.graph.initializer if i.name.endswith("scales") and "embed" not in i.name),
        key=lambda i: np.prod(i.dims),
    )
    scales.CopyFrom(onnx.numpy_helper.from_array(4 * onnx.numpy_helper.to_array(scales), scales.name))
    onnx.save(graph, folder / "model.onnx")
    (folder / "model.onnx.data").unlink()
    _, parity = verify_decoder(folder, against=model, settings=SETTINGS)
    assert not parity.passed and parity.mean_kl is not None and parity.mean_kl > 0.05
    assert call("verify", folder, "--against", model, "-q").exit_code == 9


def test_a_single_wrong_scale_is_refused(model: Path, out: Path, tmp_path: Path) -> None:
    """Of thousands: no comparison of outputs sees it."""
    folder = shutil.copytree(out / "onnxruntime-int8", tmp_path / "m")
    graph = onnx.load(folder / "model.onnx")
    (scales,) = (i for i in graph.graph.initializer if i.name == "layers.1.mlp.down_proj.weight.scales")
    array = onnx.numpy_helper.to_array(scales).copy()
    array.reshape(-1)[7] *= 1.1
    scales.CopyFrom(onnx.numpy_helper.from_array(array, scales.name))
    onnx.save(graph, folder / "model.onnx")
    (folder / "model.onnx.data").unlink()
    _, parity = verify_decoder(folder, against=model, settings=SETTINGS)
    assert all(gate.passed for gate in parity.gates) and not parity.passed
    (told,) = parity.failures
    assert "of 6144 numbers of layers.1.mlp.down_proj.weight are not the model's" in told
    failed = call("verify", folder, "--against", model, "-q")
    assert failed.exit_code == 9 and "FAIL" in failed.stdout and "stored weights" in failed.stdout


def test_options_reach_the_file(model: Path, tmp_path: Path) -> None:
    words = ["export", model, "-t", "onnxruntime", "-p", "int4", "-o", tmp_path / "o", "--context", CONTEXT]
    words += ["--block-size", 16, "--table-bits", 4, "--kv-cache", "int8", "--steps", 3, "--keep-rejected"]
    told = call(*words, "--json")
    assert told.exit_code == 0, told.output
    (made,) = json.loads(told.stdout)["artifacts"]
    caches = [i for i in made["artifact"]["signature"]["inputs"] if i["name"].startswith("past_")]
    assert {cache["dtype"] for cache in caches} == {"int8"} and len(caches) == 6
    limits = {gate["name"]: gate["limit"] for gate in made["parity"]["gates"]}
    assert limits["mean KL"] == 0.75 and made["parity"]["stored"]["weights"] == 20
    graph = onnx.load(tmp_path / "o/onnxruntime-int4/model.onnx", load_external_data=False).graph
    sizes = {a.i for n in graph.node for a in n.attribute if a.name == "block_size"}
    (table,) = (n for n in graph.node if n.op_type == "GatherBlockQuantized")
    assert sizes == {16} and {a.i for a in table.attribute if a.name == "bits"} == {4}
    assert generate(tmp_path / "o/onnxruntime-int4", "the cat", tokens=3).ids
    odd = call(*words[:-3], "--block-size", 24)
    assert odd.exit_code == 8 and "not of 24" in odd.stderr and "32, 64 or 128" in odd.stderr


def test_a_package_with_two_functions_is_verified_and_writes(model: Path, tmp_path: Path) -> None:
    words = ["export", model, "-t", "coreml", "-p", "palette4-grouped", "--group-size", 16, "--split-phases"]
    told = call(*words, "-o", tmp_path / "o", "--context", CONTEXT, "--steps", 1, "--keep-rejected", "--json")
    assert told.exit_code == 0, told.output
    (made,) = json.loads(told.stdout)["artifacts"]
    assert made["parity"]["failures"] == [] and made["parity"]["stored"]["weights"] > 20
    package = tmp_path / "o/coreml/model_palette4-grouped.mlpackage"
    assert len(generate(package, "the cat", tokens=3).ids) == 3


def test_what_fails_moves_away_whole(model: Path, tmp_path: Path) -> None:
    words = ["export", model, "-t", "onnxruntime", "-p", "int8", "-o", tmp_path / "o", "-q"]
    words += ["--context", CONTEXT, "--steps", 2, "--max-kl", "1e-9"]
    kept = call(*words, "--keep-rejected", "--json")
    told = json.loads(kept.stdout)["artifacts"][0]
    assert kept.exit_code == 0 and told["rejected_because"].startswith("mean KL is")
    assert (tmp_path / "o/onnxruntime-int8/model.onnx").is_file()
    failed = call(*words)
    assert failed.exit_code == 9 and "FAIL mean KL" in failed.stdout and "converted in" in failed.stdout
    assert not (tmp_path / "o/onnxruntime-int8").exists()
    moved = tmp_path / "o/rejected/onnxruntime/onnxruntime-int8"
    assert generate(moved, "the cat", tokens=2).ids


def test_a_package_without_its_tokenizer_is_told(model: Path, out: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(out / "coreml/model_int8.mlpackage", tmp_path / "m.mlpackage")
    told = call("verify", alone, "--against", model, "-q")
    assert told.exit_code == 6 and "has no readable tokenizer" in told.stderr
    assert "Put tokenizer.json and tokenizer_config.json beside the model" in told.stderr


def test_what_does_not_belong_together_is_refused(model: Path, out: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no exported decoder"):
        verify_decoder(model, against=model)
    other = shutil.copytree(model, tmp_path / "other")
    tokens = json.loads((other / "tokenizer.json").read_text(encoding="utf-8"))
    tokens["model"]["merges"] = tokens["model"]["merges"][:5]
    (other / "tokenizer.json").write_text(json.dumps(tokens), encoding="utf-8")
    with pytest.raises(ModelError, match="reads other tokens"):
        verify_decoder(out / "onnxruntime-int8", against=other)


def test_too_little_memory_stops_before_anything_is_written(model: Path, tmp_path: Path) -> None:
    little = DecoderSettings(available_bytes=10**6)
    with pytest.raises(ExportError, match="needs about"):
        build_decoder(model, tmp_path / "o", [("onnxruntime", "int4")], name="m", settings=little)
    assert not (tmp_path / "o").exists()


@pytest.mark.slow
def test_what_goes_wrong_in_the_process_is_told(model: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(model, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"x")
    job = {"target": "onnxruntime", "precision": "int4", "path": tmp_path / "o", "name": "m", "options": {}}
    with Conversions(broken) as conversions, pytest.raises(ModelError, match="can't be loaded"):
        conversions.run(**job, provenance={})
    with (
        Conversions(tmp_path) as conversions,
        pytest.raises(ExportError, match=r"failed \(code 2\)"),
    ):
        conversions._command.append("--nonsense")
        conversions.run(**job, provenance={})


def test_options_of_the_other_kind_are_refused(model: Path, tiny_classifier: Path) -> None:
    for words, message in (
        (("export", model, "-t", "coreml", "--shapes", "fixed"), "--shapes is not for a language model"),
        (("export", model, "-t", "onnx"), "can't be exported to onnx"),
        (("export", tiny_classifier, "-t", "onnx", "--context", 9), "--context is not for this model"),
        (("verify", model, "--against", model, "--explain"), "--explain is not for a language model"),
        (("verify", model, "--against", tiny_classifier, "--steps", 2), "--steps is not for this model"),
    ):
        told = call(*words, "-q")
        assert told.exit_code in (2, 8) and message in told.stderr, told.output


def test_decoders_are_known_by_their_files(model: Path, tiny_classifier: Path, tmp_path: Path) -> None:
    assert is_decoder(model) and not is_decoder(tiny_classifier) and not is_decoder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    assert is_decoder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert not is_decoder(tmp_path)
    (tmp_path / "config.json").write_text("{")
    assert not is_decoder(tmp_path)
    file = tmp_path / "m.gguf"
    file.write_bytes(b"GGUF")
    assert is_decoder(file) and decoder_bytes(file) != decoder_bytes(model)


def test_texts_come_from_lines_or_a_column(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("said,label\nHello there,1\nGood day,0\n")
    assert read_texts(table, column="said") == ["Hello there", "Good day"]
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(DataError, match="holds no text"):
        read_texts(tmp_path / "empty.txt")
    with pytest.raises(DataError, match="no column 'text'"):
        read_texts(table)


def test_texts_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_bytes("Ärger".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_texts(tmp_path / "old.txt")
