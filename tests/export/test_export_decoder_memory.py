"""What a decoder's export needs of memory is known, and refused, before anything is loaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers import AutoConfig

from edgekit.errors import ExportError, MissingExtra
from edgekit.export.decoder_memory import LIBRARIES, estimate
from edgekit.export.decoder_targets import (
    DECODER_PRECISIONS,
    DecoderOptions,
    check_decoder_target,
    decoder_path,
)
from edgekit.stages.decoder_memory import available_bytes, memory_of, require_memory

GB = 10**9
SHAPES = {  # as published: Llama 3.2 1B (tied) and Llama 2 7B
    "1B": {
        "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64, "tie_word_embeddings": True,
        "max_position_embeddings": 131072,
    },
    "7B": {
        "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 4096,
    },
}  # fmt: skip
PARAMETERS = {"1B": 1_235_814_400, "7B": 6_738_415_616}


@pytest.fixture(params=SHAPES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A configuration alone: no weights, no tokenizer."""
    AutoConfig.for_model("llama", **SHAPES[request.param]).save_pretrained(tmp_path / request.param)
    return tmp_path / request.param


def test_parameters_and_caches_are_counted_without_weights(folder: Path) -> None:
    loading = memory_of(folder, "onnxruntime", "fp32", context=1000)[0]
    shape = SHAPES[folder.name]
    width = shape["hidden_size"] // shape["num_attention_heads"]
    caches = 2 * shape["num_hidden_layers"] * shape["num_key_value_heads"] * width * 1000
    held = LIBRARIES["onnxruntime"] + 4 * caches
    assert loading.name == "loading" and loading.bytes == held + 8 * PARAMETERS[folder.name]
    AutoConfig.for_model("llama", **shape, dtype="bfloat16").save_pretrained(folder)
    half = memory_of(folder, "onnxruntime", "fp32", context=1000)[0]
    assert half.bytes == loading.bytes - 2 * PARAMETERS[folder.name]
    longer = memory_of(folder, "onnxruntime", "fp32", context=2000)[0]
    assert longer.bytes == half.bytes + 4 * caches


@pytest.mark.parametrize(("target", "precision"), [("onnxruntime", "int4"), ("coreml", "int4")])
def test_a_model_that_cannot_fit_is_refused(folder: Path, target: str, precision: str) -> None:
    phases = memory_of(folder, target, precision)

    def ask(available: int, force: bool = False) -> None:
        require_memory(folder.name, target, precision, phases, available=available, force=force)

    with pytest.raises(
        ExportError, match=r"needs about [\d.]+ GB of memory while \w+, and 8.0 GB is"
    ) as caught:
        ask(8 * GB)
    assert "--force" in caught.value.remedy
    ask(8 * GB, force=True)
    if folder.name == "1B":
        ask(24 * GB)
    else:
        with pytest.raises(ExportError):
            ask(24 * GB)
        ask(128 * GB)


def test_each_phase_tells_what_takes_most() -> None:
    sizes = {"parameters": 10**9, "largest": 10**8, "caches": 10**7}
    told = {p.name: p.bytes for p in estimate("coreml", "int4", **sizes)}
    assert list(told) == ["loading", "converting", "compressing"]
    assert told["converting"] == max(told.values())
    assert [p.name for p in estimate("coreml", "fp16", **sizes)] == ["loading", "converting"]
    four, eight = (estimate("onnxruntime", p, **sizes)[1].bytes for p in ("int4", "int8"))
    assert eight - four == sizes["parameters"] // 2


def test_memory_is_what_the_machine_has() -> None:
    assert 0 < available_bytes() < 10**15


def test_targets_and_their_places(tmp_path: Path) -> None:
    assert decoder_path(tmp_path, "onnxruntime", "fp32") == tmp_path / "onnxruntime"
    assert decoder_path(tmp_path, "onnxruntime", "int4-hqq") == tmp_path / "onnxruntime-int4-hqq"
    assert decoder_path(tmp_path, "coreml", "fp16") == tmp_path / "coreml" / "model.mlpackage"
    assert decoder_path(tmp_path, "coreml", "int4") == tmp_path / "coreml" / "model_int4.mlpackage"
    assert decoder_path(tmp_path, "coreai", "int8") == tmp_path / "coreai" / "model_int8.aimodel"
    for target, precisions in DECODER_PRECISIONS.items():
        if target == "coreai" and find_spec("coreai") is None:
            with pytest.raises(MissingExtra, match=r"edgekit\[coreai\]"):
                check_decoder_target(target, precisions[0])
            continue
        for precision in precisions:
            check_decoder_target(target, precision)
    with pytest.raises(ExportError, match="can't be exported to onnx") as caught:
        check_decoder_target("onnx", "fp32")
    assert "onnxruntime or coreml" in caught.value.remedy
    with pytest.raises(ExportError, match="no precision 'palette6' for decoders in coreml"):
        check_decoder_target("coreml", "palette6")
    for options, message in (
        (DecoderOptions(kv_cache="int4"), "Caches in 'int4'"),
        (DecoderOptions(block_size=48), "not of 48"),
    ):
        with pytest.raises(ExportError, match=message):
            check_decoder_target("onnxruntime", "int4", options)
        check_decoder_target("coreml", "int4", options)  # which has neither, and takes any block
    with pytest.raises(ExportError, match="no target 'tflite'"):
        check_decoder_target("tflite", "")
