"""A decoder as an ONNX folder: with its caches it says what transformers says, in fp32 and in few bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from edgekit.errors import ExportError
from edgekit.export.onnx_decoder import export_onnx_decoder
from edgekit.export.onnx_decoder_weights import PRECISIONS
from edgekit.files import read_json
from edgekit.models.decoders.build import build
from edgekit.models.decoders.load import load_decoder
from edgekit.models.decoders.module import Decoder, causal_mask
from edgekit.runtimes.decoder_onnx import OnnxDecoder
from edgekit.runtimes.decoder_traffic import decoder_traffic
from tests.decoder_examples import example, save_decoder

CONTEXT, PROMPT, LENGTH = 32, 7, 20
FAMILIES = [
    "llama",
    "llama-biases-wide-heads",  # heads that GroupQueryAttention can't rotate
    "llama-multi-query",
    "mistral",
    "qwen2",
    "qwen3",
    "phi",
    "phi3",
    "falcon-multi-query",
    "falcon-grouped",
    "falcon-alibi",
    "gemma3",
    "gpt2",
]


def decoded(folder: Path, ids: np.ndarray, prompt: int = PROMPT) -> np.ndarray:
    """Logits of a prompt and of every token after it, one at a time; as many rows as the graph gives."""
    runner = OnnxDecoder(folder / "model.onnx", context=CONTEXT)
    runner.begin(len(ids))
    return np.concatenate([runner.extend(ids[:prompt]), *(runner.extend([i]) for i in ids[prompt:])])


def given(name: str):
    """Token ids `[L]`, transformers' logits `[L, V]`, and the twin."""
    model = example(name)
    ids = torch.randint(0, 99, (1, LENGTH), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model(ids).logits[0].numpy()
    return ids[0].numpy(), expected, build(model.config, model.state_dict(), CONTEXT)


@pytest.mark.parametrize("name", FAMILIES)
def test_prefill_and_decoding_equal_transformers(name: str, tmp_path: Path) -> None:
    ids, expected, twin = given(name)
    export_onnx_decoder(twin, tmp_path / "m", name=name, precision="fp32", logits="all")
    assert np.abs(decoded(tmp_path / "m", ids) - expected).max() <= 1e-4
    export_onnx_decoder(twin, tmp_path / "m", name=name, precision="fp32")
    last = decoded(tmp_path / "m", ids)
    assert last.shape[0] == LENGTH - PROMPT + 1
    assert np.abs(last - expected[PROMPT - 1 :]).max() <= 1e-4


def test_a_second_text_begins_with_empty_caches(tmp_path: Path) -> None:
    ids, expected, twin = given("llama")
    export_onnx_decoder(twin, tmp_path / "m", name="m", precision="fp32")
    runner = OnnxDecoder(tmp_path / "m" / "model.onnx", context=CONTEXT)
    for _ in range(2):
        runner.begin(LENGTH)
        assert np.abs(runner.extend(ids)[-1] - expected[-1]).max() <= 1e-4


def mean_cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)).mean())


def stored(twin: Decoder, precision: str, table_bits: int) -> None:
    """Gives every matrix the values that its blocks stand for."""
    bits, rounded = PRECISIONS[precision]
    for module in twin.modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Embedding)):
            table = module is twin.embed_tokens or module.weight is twin.embed_tokens.weight
            turned = module.weight.detach().numpy().T
            blocks = rounded(turned, bits=table_bits if table else bits, size=32, symmetric=True)
            module.weight.data = torch.from_numpy(blocks.dequantized().T.copy())


@pytest.mark.parametrize(("precision", "bits"), [("int8", 8), ("int4", 8), ("int4", 4), ("int4-hqq", 8)])
@pytest.mark.parametrize("name", ["llama", "phi"])  # a tied head; one of its own, with biases
def test_fewer_bits_a_weight(name: str, precision: str, bits: int, tmp_path: Path) -> None:
    """What is computed is what the rounded weights say, but for inputs that are rounded to int8."""
    ids, _, twin = given(name)
    plain = export_onnx_decoder(twin, tmp_path / "fp32", name=name, precision="fp32", logits="all")
    small = export_onnx_decoder(
        twin, tmp_path / "m", name=name, precision=precision, table_bits=bits, logits="all"
    )
    assert small.precision == precision and small.size_bytes < plain.size_bytes
    stored(twin, precision, bits)
    with torch.no_grad():
        expected = twin(torch.from_numpy(ids[None]), causal_mask(LENGTH, 0))[0].numpy()
    assert mean_cosine(decoded(tmp_path / "m", ids), expected) >= 0.999
    graph = onnx.load(tmp_path / "m" / "model.onnx", load_external_data=False).graph
    kinds = {node.op_type for node in graph.node}
    assert "MatMul" not in kinds and {"MatMulNBits", "GatherBlockQuantized"} <= kinds
    heads = [i for i in graph.initializer if i.name.endswith(".codes") and i.dims[0] == 99]
    assert len(heads) == (1 if name == "llama" else 2)


@pytest.mark.parametrize("size", [16, 64, 128])
def test_blocks_of_other_sizes(size: int, tmp_path: Path) -> None:
    """A last block that is not full, and a table whose width 96 no block of 64 divides."""
    ids, expected, twin = given("falcon-grouped")
    export_onnx_decoder(
        twin, tmp_path / "m", name="m", precision="int8", block_size=size, logits="all", kv_cache="int8"
    )
    assert mean_cosine(decoded(tmp_path / "m", ids), expected) >= 0.999
    graph = onnx.load(tmp_path / "m" / "model.onnx", load_external_data=False).graph
    sizes = [(n.op_type, a.i, n.input[1]) for n in graph.node for a in n.attribute if a.name == "block_size"]
    assert {s for op, s, name in sizes if "embed" in name or op != "MatMulNBits"} == {min(size, 32)}
    assert {s for op, s, name in sizes if "layers" in name} == {size}


# What quantised caches cost, in nats: many times what these models were measured at (2e-7, 2e-4).
@pytest.mark.parametrize(("cache", "dtype", "most"), [("fp16", "float16", 1e-5), ("int8", "int8", 2e-3)])
@pytest.mark.parametrize("name", ["llama", "llama-biases-wide-heads", "mistral", "falcon-alibi", "gemma3"])
def test_caches_in_fewer_bits(name: str, cache: str, dtype: str, most: float, tmp_path: Path) -> None:
    ids, expected, twin = given(name)
    made = export_onnx_decoder(
        twin, tmp_path / "m", name=name, precision="fp32", logits="all", kv_cache=cache
    )
    caches = {s.dtype for s in made.signature.inputs if s.name.startswith("past_key_values.")}
    assert caches == {s.dtype for s in made.signature.outputs if s.name != "logits"} == {dtype}
    got, known = (torch.from_numpy(x).log_softmax(-1) for x in (decoded(tmp_path / "m", ids), expected))
    assert float((known.exp() * (known - got)).sum(-1).max()) <= most
    assert not twin.keyCache.any() and not twin.valueCache.any()  # what ranges were measured on is gone
    runner = OnnxDecoder(made.path / "model.onnx", context=CONTEXT)
    numbers = 2 * twin.config.layers * twin.config.key_heads * twin.config.width
    traffic = decoder_traffic(made.path, runner)
    assert traffic and traffic.cache_bytes == numbers * np.dtype(dtype).itemsize


def test_the_folder_says_what_onnxruntime_genai_asks(tmp_path: Path) -> None:
    loaded = load_decoder(save_decoder(tmp_path / "plain"), context=CONTEXT)
    made = export_onnx_decoder(
        loaded.decoder, tmp_path / "m", name="m", processor=loaded.processor, stop_ids=loaded.stop_ids
    )
    told = read_json(tmp_path / "m" / "genai_config.json")["model"]
    assert told["type"] == "llama" and told["eos_token_id"] == [0] and told["context_length"] == CONTEXT
    assert told["bos_token_id"] == told["pad_token_id"] == 0  # the tokenizer has neither
    assert told["vocab_size"] == len(loaded.processor)
    files = {p.name for p in (tmp_path / "m").iterdir()}
    assert {"model.onnx", "model.onnx.data", "tokenizer.json", "tokenizer_config.json"} <= files
    inputs = {spec.name for spec in made.signature.inputs}
    assert told["decoder"]["inputs"]["past_key_names"] % 2 in inputs
    assert set(told["decoder"]["inputs"]) == {
        "input_ids",
        "attention_mask",
        "past_key_names",
        "past_value_names",
    }


@pytest.mark.parametrize("cache", ["fp32", "fp16", "int8"])
def test_onnxruntime_genai_writes_the_same_tokens(cache: str, tmp_path: Path) -> None:
    """A client that knows nothing of edgekit; skipped where it is not installed."""
    genai = pytest.importorskip("onnxruntime_genai")
    loaded = load_decoder(save_decoder(tmp_path / "plain"), context=CONTEXT)
    export_onnx_decoder(
        loaded.decoder,
        tmp_path / "m",
        name="m",
        kv_cache=cache,
        processor=loaded.processor,
        stop_ids=loaded.stop_ids,
    )
    model = genai.Model(str(tmp_path / "m"))
    given = genai.GeneratorParams(model)
    given.set_search_options(max_length=20, do_sample=False)
    writer = genai.Generator(model, given)
    prompt = [5, 9, 30, 41, 7]
    writer.append_tokens(prompt)
    while not writer.is_done():
        writer.generate_next_token()
    runner = OnnxDecoder(tmp_path / "m" / "model.onnx", context=CONTEXT)
    runner.begin(20)
    ids = [*prompt, int(runner.extend(prompt)[-1].argmax())]
    while len(ids) < 20 and ids[-1] not in loaded.stop_ids:
        ids.append(int(runner.extend(ids[-1:])[-1].argmax()))
    assert list(writer.get_sequence(0)) == ids


def test_what_cannot_be_stored_is_refused(tmp_path: Path) -> None:
    _, _, twin = given("llama")
    with pytest.raises(ExportError, match="no precision 'int3'") as caught:
        export_onnx_decoder(twin, tmp_path / "m", name="m", precision="int3")
    assert "int4" in caught.value.remedy
    for wrong in ({"kv_cache": "int4"}, {"block_size": 20}):
        with pytest.raises(ExportError, match=r"Caches in 'int4'|not of 20"):
            export_onnx_decoder(twin, tmp_path / "m", name="m", **wrong)
    model = example("llama", hidden_size=40)
    narrow = build(model.config, model.state_dict(), CONTEXT)
    with pytest.raises(ExportError, match="40 wide"):
        export_onnx_decoder(narrow, tmp_path / "m", name="m")
    assert not (tmp_path / "m").exists()
