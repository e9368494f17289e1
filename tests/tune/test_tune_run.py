"""Tuning from a file to a saved model: what is learned, merged, measured, and resumed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from edgekit import progress
from edgekit.errors import MissingExtra, ModelError, RecipeError, TrainingError
from edgekit.files import read_json
from edgekit.tune.adapters import check_four_bits, merged, prepare
from edgekit.tune.measured import weight_bytes
from edgekit.tune.memory import predict
from edgekit.tune.run import estimate, tune
from tests.tune import tune_worker
from tests.tune.tune_examples import PAIRS, save_decoder, small_settings, write_lines

WORKER = Path(__file__).with_name("tune_worker.py")
IDS = torch.arange(24).reshape(2, 12)


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return save_decoder(tmp_path_factory.mktemp("decoder") / "model")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_lines(tmp_path_factory.mktemp("data") / "pairs.jsonl", PAIRS)


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_every_method_learns_and_leaves_a_plain_model(decoder, pairs, tmp_path, method):
    tuned = tune(decoder, pairs, tmp_path / "out", small_settings(method=method, packing=method == "lora"))
    assert tuned.after.loss < 0.8 * tuned.before.loss
    base = AutoModelForCausalLM.from_pretrained(decoder)
    saved = AutoModelForCausalLM.from_pretrained(tuned.path)
    assert type(saved) is type(base)
    assert sum(p.numel() for p in saved.parameters()) == base.num_parameters() == tuned.parameters
    assert {n: p.shape for n, p in saved.named_parameters()} == {
        n: p.shape for n, p in base.named_parameters()
    }
    # What was counted is what was predicted, but for the optimizer's step counts.
    assert tuned.measured.weights == pytest.approx(tuned.predicted.weights, rel=0.01)
    assert tuned.measured.gradients == tuned.predicted.gradients
    assert tuned.measured.optimizer == pytest.approx(tuned.predicted.optimizer, rel=0.01)
    assert not list(tmp_path.glob(".out*"))


@pytest.mark.parametrize(("method", "name"), [("lora", "llama"), ("lora", "gpt2"), ("qlora", "llama")])
def test_merged_weights_answer_as_the_adapters_do_with_no_parameter_more(tmp_path, method, name):
    folder = save_decoder(tmp_path / "model", name)
    settings = small_settings(method=method)
    model = prepare(folder, settings, dtype=torch.float32)
    with torch.no_grad():
        base = model(IDS).logits
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.1)
        adapted = model(IDS).logits
        plain = merged(folder, model, settings)
        difference = (plain(IDS).logits - adapted).abs().max()
    assert (adapted - base).abs().max() > 0.1
    assert difference < 1e-5 * max(1.0, float(adapted.abs().max()))
    # Zero added latency: the same operations on as many numbers.
    own = AutoModelForCausalLM.from_pretrained(folder)
    assert [type(m) for m in plain.modules()] == [type(m) for m in own.modules()]
    assert plain.num_parameters() == own.num_parameters()


def test_adapters_alone_are_saved_where_they_are_not_merged(decoder, pairs, tmp_path):
    tuned = tune(decoder, pairs, tmp_path / "out", small_settings(merge=False, epochs=1))
    saved = load_file(tuned.path / "adapter_model.safetensors")
    assert sum(t.numel() for t in saved.values()) == tuned.parameters == tuned.trained
    assert not (tuned.path / "model.safetensors").exists()


class Spoken(progress.Silent):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def say(self, text: str) -> None:
        self.texts.append(text)


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_weights(decoder, pairs, tmp_path, monkeypatch):
    whole, struck = tmp_path / "whole", tmp_path / "struck"
    command = [sys.executable, str(WORKER), str(decoder), str(pairs), str(struck)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    steps = 0
    for line in process.stdout:
        steps += line == "step\n"
        if steps == 11:
            process.kill()
    assert process.wait() != 0 and steps >= 11, process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    assert not struck.exists() and (tmp_path / ".struck.tuning" / "checkpoint").is_dir()
    spoken = Spoken()
    monkeypatch.setattr(progress, "_listener", spoken)
    for out in (struck, whole):
        tune(decoder, pairs, out, tune_worker.SETTINGS)
    assert sum("continuing at step" in text for text in spoken.texts) == 1
    ends = [load_file(out / "model.safetensors") for out in (struck, whole)]
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())
    assert not list(tmp_path.glob(".struck*"))


def test_a_finished_run_is_read_and_another_folder_is_not_overwritten(decoder, pairs, tmp_path):
    settings = small_settings(epochs=1)
    first = tune(decoder, pairs, tmp_path / "out", settings)
    when = (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns
    assert tune(decoder, pairs, tmp_path / "out", settings) == first
    assert (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns == when
    lines = (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["kind"] == "evaluation"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(RecipeError, match="no result of edgekit tune"):
        tune(decoder, pairs, tmp_path / "mine", settings)


def test_a_paged_optimizer_is_refused_without_cuda(decoder, pairs, tmp_path):
    from edgekit.distill.optimizers import Optimizers

    settings = small_settings(method="qlora")
    assert settings.training("cpu").optimizer == "adamw"
    assert settings.training("cuda").optimizer == "paged-adamw"
    with pytest.raises(TrainingError, match="CUDA"):
        Optimizers(torch.nn.Linear(2, 2), [], settings.training("cuda"), device="cpu")


def test_an_estimate_needs_no_weights(decoder, tmp_path):
    config = read_json(decoder / "config.json")
    config |= {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "vocab_size": 128256}
    config |= {"num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = {one.method: one for one in estimate(tmp_path, small_settings(max_length=128))}
    count = 1_235_814_400  # Llama 3.2 1B
    assert found["full"].trained == count
    assert found["full"].weights == found["full"].gradients == 4 * count == found["full"].optimizer // 2
    assert found["lora"].weights == 4 * (count + found["lora"].trained)
    assert found["lora"].gradients == 4 * found["lora"].trained < 0.01 * found["full"].gradients
    head = 2048 * 128256  # and the norms stay as they are
    assert found["qlora"].weights == pytest.approx(4 * head + 0.516 * (count - head), rel=0.03)
    assert found["qlora"].total < found["lora"].total < found["full"].total


def test_longer_rows_more_rows_and_checkpoints_count_as_they_should(decoder):
    def bytes_of(rows: int, length: int, **changes):
        settings, config = small_settings(**changes), AutoModelForCausalLM.from_pretrained(decoder).config
        return predict(config, settings, rows=rows, length=length, precision="fp32").activations

    once = bytes_of(2, 16)
    assert bytes_of(4, 16) == pytest.approx(2 * once, rel=0.02)
    assert bytes_of(2, 32) > 2 * once  # attention keeps a square
    assert bytes_of(2, 16, gradient_checkpointing=True) < 0.6 * once


def test_four_bit_weights_are_counted_with_their_scales(decoder):
    settings = small_settings(method="qlora")
    model = prepare(decoder, settings, dtype=torch.float32)
    predicted = predict(model.config, settings, rows=1, length=8, precision="fp32")
    assert weight_bytes(model) == pytest.approx(predicted.weights, rel=0.001)


def test_what_is_no_decoder_is_refused(tiny_classifier, pairs, tmp_path):
    with pytest.raises(ModelError):
        tune(tmp_path, pairs, tmp_path / "out", small_settings())
    with pytest.raises(ModelError, match="no model"):
        estimate(tmp_path / "nothing")


def test_four_bits_are_tried_before_a_run(monkeypatch):
    check_four_bits("cpu")
    with pytest.raises(TrainingError, match="--method lora"):
        check_four_bits("meta")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"edgekit\[tune\]"):
        check_four_bits("cpu")
