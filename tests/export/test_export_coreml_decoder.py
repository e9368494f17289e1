"""A decoder as a stateful Core ML package: executed token by token, it says what PyTorch says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from edgekit import mil
from edgekit.errors import ExportError, ModelError
from edgekit.export.coreml_decoder import export_decoder
from edgekit.models.decoders.build import build
from edgekit.models.decoders.module import causal_mask
from edgekit.runtimes import open_runner
from edgekit.runtimes.decoder_coreml import CoreMLDecoder
from tests.decoder_examples import example

CONTEXT, PROMPT, LENGTH = 32, 7, 20


def llama(hidden: int = 64, layers: int = 2) -> PreTrainedModel:
    return example("llama", hidden_size=hidden, num_hidden_layers=layers)


@pytest.fixture(scope="module")
def given():
    """Token ids `[1, 20]`, transformers' logits `[20, V]`, and the twin."""
    model = llama()
    ids = torch.randint(0, 99, (1, LENGTH), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model(ids).logits[0].numpy()
    return ids.numpy().astype(np.int32), expected, build(model.config, model.state_dict(), CONTEXT)


def decoded(package, ids: np.ndarray, *, prompt: int, rounding: str) -> np.ndarray:
    """Logits `[L, V]` of a prompt and of every token after it, one at a time."""
    state = package.make_state()
    steps = [(0, prompt)] + [(i, i + 1) for i in range(prompt, ids.shape[1])]
    found = []
    for past, end in steps:
        mask = causal_mask(end - past, past).numpy().astype(np.float16)
        feed = {"inputIds": ids[:, past:end], "causalMask": mask}
        found.append(package.predict(feed, state=state, rounding=rounding)["logits"][0])
    return np.concatenate(found).astype(np.float32)


def mean_cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)).mean())


@pytest.fixture(scope="module")
def package(given, tmp_path_factory: pytest.TempPathFactory):
    return export_decoder(given[2], tmp_path_factory.mktemp("decoder") / "m.mlpackage", name="tiny")


def test_prefill_and_decoding_equal_pytorch(given, package) -> None:
    ids, expected, _ = given
    loaded = mil.load(package.path)
    assert np.abs(decoded(loaded, ids, prompt=PROMPT, rounding="none") - expected).max() <= 1e-2
    rounded = decoded(loaded, ids, prompt=PROMPT, rounding="declared")
    assert np.abs(rounded - expected).max() <= 2e-2
    assert mean_cosine(rounded, expected) >= 0.99999
    # One token at a time from the first: every state begins empty, whatever was traced or run before.
    alone = decoded(loaded, ids, prompt=1, rounding="declared")
    assert np.abs(alone - expected).max() <= 2e-2


def test_the_package_says_what_it_takes_and_keeps(given, package) -> None:
    loaded = mil.load(package.path)
    assert set(loaded.description.states) == {"keyCache", "valueCache"}
    assert loaded.description.states["keyCache"].shape == (2, 1, 2, CONTEXT, 16)
    assert package.signature.task == "text-generation" and package.signature.max_length == CONTEXT
    with pytest.raises(ModelError, match="text-generation, whose calls depend on one another"):
        open_runner(package.path)
    with pytest.raises(ModelError, match="none was given"):
        loaded.predict({"inputIds": [[1]], "causalMask": np.zeros((1, 1, 1, 1), np.float16)})
    too_long = np.zeros((1, 1, 1, CONTEXT + 1), np.float16)
    with pytest.raises(ModelError, match="causalMask"):
        loaded.predict({"inputIds": [[1]], "causalMask": too_long}, state=loaded.make_state())


@pytest.mark.parametrize(
    ("precision", "least"), [("int8", 0.999), ("int4", 0.94), ("palette4", 0.94), ("palette4-grouped", 0.94)]
)
def test_fewer_bits_a_weight(given, package, tmp_path: Path, precision: str, least: float) -> None:
    ids, expected, twin = given
    small = export_decoder(twin, tmp_path / "small.mlpackage", name="tiny", precision=precision)
    assert small.size_bytes < package.size_bytes and small.precision == precision
    got = decoded(mil.load(small.path), ids, prompt=PROMPT, rounding="declared")
    assert mean_cosine(got, expected) >= least


def test_single_tokens_have_a_function_that_shares_weights_and_states(given, package, tmp_path: Path) -> None:
    ids, _, twin = given
    path = tmp_path / "m.mlpackage"
    export_decoder(twin, path, name="tiny", split_phases=True)
    plain, both = (next(p.rglob("weight.bin")).stat().st_size for p in (package.path, path))
    assert both == plain
    main, decode = mil.load(path), mil.load(path, function_name="decode")
    assert list(main.functions) == ["main", "decode"] and main.function_name == "main"
    assert decode.inputs["inputIds"].ranges == () and decode.inputs["causalMask"].ranges[2] == (1, 1)
    one, two = CoreMLDecoder(package.path), CoreMLDecoder(path)
    for runner in (one, two):
        runner.begin(LENGTH)
    for start, end in ((0, PROMPT), *((i, i + 1) for i in range(PROMPT, LENGTH))):
        np.testing.assert_array_equal(two.extend(ids[0, start:end]), one.extend(ids[0, start:end]))
    with pytest.raises(ModelError, match="inputIds"):
        decode.predict({"inputIds": ids[:, :2], "causalMask": causal_mask(2, 0)}, state=decode.make_state())


def test_blocks_that_do_not_divide_a_weight_are_refused(tmp_path: Path) -> None:
    model = llama(hidden=40, layers=1)
    twin = build(model.config, model.state_dict(), CONTEXT)
    with pytest.raises(ExportError, match="40 columns, which are no blocks of 32") as caught:
        export_decoder(twin, tmp_path / "m.mlpackage", name="tiny", precision="int4")
    assert "int8" in caught.value.remedy
    with pytest.raises(ExportError, match="40 rows, which are no groups of 16") as caught:
        export_decoder(
            twin, tmp_path / "m.mlpackage", name="tiny", precision="palette4-grouped", group_size=16
        )
    assert "palette4" in caught.value.remedy
    assert not (tmp_path / "m.mlpackage").exists()


FAMILIES = ["mistral", "phi", "falcon-grouped", "falcon-alibi", "gemma3", "gpt2"]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_decodes_as_transformers_does(name: str, tmp_path: Path) -> None:
    """Windows, partial angles, biases by position, parallel blocks: one layer kind of each, unrounded."""
    model = example(name)
    ids = torch.randint(0, 99, (1, LENGTH), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model(ids).logits[0].numpy()
    twin = build(model.config, model.state_dict(), CONTEXT)
    exported = mil.load(export_decoder(twin, tmp_path / "m.mlpackage", name=name).path)
    numbers = ids.numpy().astype(np.int32)
    exact = decoded(exported, numbers, prompt=PROMPT, rounding="none")
    assert np.abs(exact - expected).max() <= 1e-2 * max(1, np.abs(expected).max())
    assert mean_cosine(decoded(exported, numbers, prompt=PROMPT, rounding="declared"), expected) >= 0.9999
