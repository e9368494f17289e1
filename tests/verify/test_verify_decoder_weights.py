"""Stored weights beside the model's: what an exporter wrote passes, and every planted fault is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit.export.coreml_decoder import export_decoder
from edgekit.export.onnx_decoder import export_onnx_decoder
from edgekit.models.decoders.build import build
from edgekit.runtimes.stored_weights import StoredWeight, read_stored
from edgekit.stages.decoder_stored import stored_weights
from edgekit.verify.decoder_weights import compare_weights
from tests.decoder_examples import example

SCALE = np.float32(0.5)


class Loaded:
    def __init__(self, model) -> None:
        self.model = model


@pytest.mark.parametrize("name", ["llama", "phi", "gemma3", "gpt2"])
@pytest.mark.parametrize("precision", ["fp32", "int8", "int4", "int4-hqq"])
def test_what_an_onnx_folder_stores_is_the_model(name: str, precision: str, tmp_path: Path) -> None:
    model = example(name)
    twin = build(model.config, model.state_dict(), 32)
    made = export_onnx_decoder(twin, tmp_path / "m", name=name, precision=precision, block_size=64)
    told, wrong = stored_weights(made, Loaded(model))
    assert not wrong
    # Every number of the model, a tied head once.
    assert told.numbers == sum(p.numel() for p in twin.parameters())
    assert told.worst <= (8 if "hqq" in precision else 1)


@pytest.mark.parametrize("precision", ["int4", "palette4-grouped"])
def test_what_a_package_stores_is_the_model(precision: str, tmp_path: Path) -> None:
    model, other = example("qwen2"), example("qwen2")
    twin = build(model.config, model.state_dict(), 32)
    made = export_decoder(twin, tmp_path / "m.mlpackage", name="m", precision=precision, group_size=16)
    told, wrong = stored_weights(made, Loaded(model))
    assert not wrong and told.weights >= len({p.data_ptr() for p in twin.parameters()}) - 1
    other.model.layers[1].mlp.down_proj.weight.data[5, 3] += 0.05
    other.model.layers[0].input_layernorm.weight.data[2] *= 1.01
    _, wrong = stored_weights(made, Loaded(other))
    assert len(wrong) == 2
    assert any("1 of 6144 numbers of layers_1_mlp_down_proj_weight" in text for text in wrong)
    assert any("layers_0_input_layernorm_weight" in text for text in wrong)


def linear(codes: np.ndarray, scales: np.ndarray) -> StoredWeight:
    steps = np.repeat(scales, codes.shape[1] // scales.shape[1], 1).astype(np.float32)
    return StoredWeight("w", codes * steps, steps, -8, 7, slack=1e-6)


def test_each_number_must_be_the_nearest_that_its_block_can_hold() -> None:
    codes = np.array([[-8, 3, 7, 0], [1, -2, 4, 7]], np.float32)
    scales = np.array([[0.5, 0.25], [1.0, 0.125]], np.float32)
    right = linear(codes, scales)
    weight = right.values + np.array([[0.2, -0.2, 0.2, -0.1], [0.5, 0.4, 0.06, 0.12]], np.float32)

    def wrong(stored: StoredWeight, fitted: bool = False) -> tuple[str, ...]:
        return compare_weights([stored], lambda name: weight if name == "w" else None, fitted=fitted)[1]

    told, none = compare_weights([right], lambda name: weight, fitted=False)
    assert not none and told.numbers == 8 and told.worst == pytest.approx(0.12 / 0.125)
    off_by_one = codes.copy()
    off_by_one[1, 0] += 2
    assert (
        "1 of 8 numbers of w" in wrong(linear(off_by_one, scales))[0]
        and "(1, 0)" in wrong(linear(off_by_one, scales))[0]
    )
    for factor in (0.5, 1.3, -1.0, np.nan):
        planted = scales.copy()
        planted[0, 0] *= factor
        assert wrong(linear(codes, planted)), factor
    # All codes at their ends: the nearest that a block of too small a scale can hold, and too far.
    small = replace(right, values=np.sign(weight) * 0.07, steps=np.full_like(right.values, 0.01))
    assert wrong(small) and wrong(small, fitted=True)
    assert "is none of the model's" in wrong(replace(right, name="v"))[0]
    assert not wrong(StoredWeight("plain", np.ones(3, np.float32)))  # a table of angles, not a weight


def test_each_number_must_be_at_its_nearest_entry() -> None:
    tables = np.array([[-1, 0, 0.5, 2], [-3, -1, 1, 3]], np.float32)
    places = np.array([[0, 1, 3], [2, 1, 1], [0, 3, 3], [1, 2, 0]])
    values = np.take_along_axis(np.repeat(tables, 2, 0), places, 1)
    stored = StoredWeight("w", values, tables=tables, slack=1e-3)
    weight = values + 0.2
    assert not compare_weights([stored], lambda name: weight, fitted=False)[1]
    weight[2, 1] = 1.9  # nearer to 1 than to 3
    (told,) = compare_weights([stored], lambda name: weight, fitted=False)[1]
    assert "(2, 1): 3 for 1.9" in told


def test_a_file_says_which_constants_it_has(tmp_path: Path) -> None:
    model = example("llama")
    twin = build(model.config, model.state_dict(), 32)
    made = export_onnx_decoder(twin, tmp_path / "m", name="m", precision="int4", table_bits=4)
    found = {one.name: one for one in read_stored(made.path / "model.onnx")}
    table = found["embed_tokens.weight"]
    assert (table.low, table.high) == (-8, 7) and table.values.shape == (99, 64)
    assert found["norm.weight"].steps is None
