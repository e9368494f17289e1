"""Each rule finds what it is for in a program written for it, and nothing in the corrected program."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from advice_packages import HALF, IOS16, IOS17, IOS18, SINGLE, WHOLE, half, save
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Program, get_new_symbol
from coremltools.optimize import coreml as cto

from edgekit.advice.advise import Finding, advise
from edgekit.advice.rules.rule import THIRD_PARTY
from edgekit.advice.rules.table import RULES

ROW, IMAGE = ((1, 64), HALF), ((1, 4, 32, 32), HALF)
KERNEL3, WIDE = half(4, 4, 3, 3), half(4, 4, 3, 15)
WEIGHT = half(64, 64)


def program(body: Any, *inputs: Any, **options: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    return body, inputs or (ROW,), options


def quantized(**settings: Any) -> Any:
    config = cto.OpLinearQuantizerConfig(weight_threshold=0, **settings)
    return lambda model: cto.linear_quantize_weights(model, cto.OptimizationConfig(config))


def palettized(**settings: Any) -> Any:
    config = cto.OpPalettizerConfig(mode="uniform", weight_threshold=0, **settings)
    return lambda model: cto.palettize_weights(model, cto.OptimizationConfig(config))


def relu(x: Any) -> Any:
    return mb.relu(x=x)


def layer(x: Any) -> Any:
    return mb.linear(x=x, weight=WEIGHT)


def embed(x: Any) -> Any:
    return mb.gather(x=half(10, 64), indices=x, axis=0, validate_indices=False)


def recurrence(x: Any) -> Any:
    zero = np.zeros((1, 8), np.float16)
    weights = {"weight_ih": half(32, 32), "weight_hh": half(32, 8)}
    return mb.lstm(x=x, initial_h=zero, initial_c=zero, **weights)[0]


def branch(x: Any) -> Any:
    positive = mb.greater(x=mb.reduce_sum(x=x, axes=[0, 1], keep_dims=False), y=np.float16(0))
    return mb.cond(pred=positive, _true_fn=lambda: mb.relu(x=x), _false_fn=lambda: mb.abs(x=x))


def chosen(x: Any) -> Any:
    positive = mb.greater(x=x, y=np.float16(0))
    return mb.select(cond=positive, a=mb.relu(x=x), b=mb.abs(x=x))


def conv(x: Any, weight: np.ndarray = KERNEL3, **settings: Any) -> Any:
    return mb.conv(x=x, weight=weight, pad_type="same", **settings)


def pool(size: int) -> Any:
    return lambda x: mb.max_pool(x=x, kernel_sizes=[size, size], strides=[1, 1], pad_type="valid")


def back_and_forth(x: Any) -> Any:
    wide = mb.cast(x=mb.relu(x=x), dtype="fp32")
    return mb.relu(x=mb.cast(x=mb.exp(x=wide), dtype="fp16"))


def at_the_edges(x: Any) -> Any:
    return mb.cast(x=mb.relu(x=mb.cast(x=x, dtype="fp16")), dtype="fp32")


def int8_activations(x: Any) -> Any:
    small = mb.quantize(input=mb.relu(x=x), scale=np.float16(0.1), output_dtype="int8")
    return mb.dequantize(input=small, scale=np.float16(0.1))


def twice(second: np.ndarray) -> Any:
    return lambda x: mb.linear(x=mb.linear(x=x, weight=WEIGHT), weight=second)


def remember(x: Any, s: Any) -> Any:
    return mb.add(x=mb.read_state(input=s), y=x)


def any_length() -> tuple[Any, Any]:
    return ((1, get_new_symbol()), HALF)


RANGE = ct.Shape((1, ct.RangeDim(1, 128, 32)))
CHOICE = ct.EnumeratedShapes([(1, 32), (1, 64)])
BLOCKS = quantized(mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=32)
CHANNELS = quantized(mode="linear_symmetric", dtype="int4", granularity="per_channel")
INT8 = quantized(mode="linear")


def tables(group: int) -> Any:
    return palettized(nbits=4, granularity="per_grouped_channel", group_size=group)


CASES = {  # rule → what it finds, how often, and the program without it
    "float32": (program(relu, ((1, 64), SINGLE)), {"relu": 1}, program(relu)),
    "recurrent": (program(recurrence, ((4, 1, 32), HALF)), {"lstm": 1}, program(layer)),
    "range-shapes": (
        program(relu, any_length(), shapes=[RANGE]), {"input": 1},
        program(relu, any_length(), shapes=[CHOICE]),
    ),
    "rank": (
        program(lambda x: mb.reshape(x=x, shape=[1, 2, 2, 2, 2, 4])), {"reshape": 1},
        program(lambda x: mb.reshape(x=x, shape=[1, 4, 2, 2, 4])),
    ),
    "lookup": (program(embed, ((1, 8), WHOLE)), {"gather": 1}, program(layer)),
    "unknown-shapes": (
        program(lambda x: mb.non_zero(x=x)), {"non_zero": 1},
        program(lambda x: mb.not_equal(x=x, y=np.float16(0))),
    ),
    "control-flow": (program(branch), {"cond": 1}, program(chosen)),
    "unsupported": (
        program(lambda x: mb.reduce_prod(x=x, axes=[1])), {"reduce_prod": 1},
        program(lambda x: mb.reduce_sum(x=x, axes=[1])),
    ),
    "newer-chips": (program(lambda x: mb.sin(x=x)), {"sin": 1}, program(lambda x: mb.tanh(x=x))),
    "convolution": (program(lambda x: conv(x, WIDE), IMAGE), {"conv": 1}, program(conv, IMAGE)),
    "pooling": (program(pool(14), IMAGE), {"max_pool": 1}, program(pool(13), IMAGE)),
    "long-axis": (
        program(relu, ((1, 16448), HALF)), {"relu": 1}, program(relu, ((1, 16384), HALF)),
    ),
    "int32": (
        program(lambda x: mb.add(x=x, y=np.int32(1)), ((1, 64), WHOLE)), {"add": 1},
        program(lambda x: mb.add(x=x, y=np.float16(1))),
    ),
    "state-width": (
        program(remember, ((1, 30), HALF), state=(1, 30), target=IOS18), {"state": 1},
        program(remember, state=(1, 64), target=IOS18),
    ),
    "states": (program(remember, state=(1, 64), target=IOS18), {"state": 1}, program(relu)),
    "expanded-weights": (
        program(layer, target=IOS16, change=INT8), {"constexpr_affine_dequantize": 1},
        program(layer, target=IOS17, change=INT8),
    ),
    "last-axis": (
        program(relu, ((1, 32, 8, 1), HALF)), {"relu": 1}, program(relu, ((1, 8, 1, 32), HALF)),
    ),
    "duplicates": (program(twice(WEIGHT.copy())), {"const": 2}, program(twice(half(64, 64, seed=1)))),
    "linear-weights": (
        program(layer, change=INT8), {"constexpr_affine_dequantize": 1},
        program(layer, change=palettized(nbits=6)),
    ),
    "block-scales": (
        program(layer, target=IOS18, change=BLOCKS), {"constexpr_blockwise_shift_scale": 1},
        program(layer, target=IOS18, change=CHANNELS),
    ),
    "many-tables": (
        program(layer, target=IOS18, change=tables(4)), {"constexpr_lut_to_dense": 1},
        program(layer, target=IOS18, change=tables(8)),
    ),
    "int8-activations": (program(int8_activations), {"quantize": 1}, program(relu)),
    "linear-layout": (
        program(layer), {"linear": 1},
        program(lambda x: conv(x, half(4, 4, 1, 1)), ((1, 4, 1, 64), HALF)),
    ),
    "copies": (
        program(lambda x: mb.transpose(x=x, perm=[0, 3, 1, 2]), IMAGE), {"transpose": 1},
        program(relu, IMAGE),
    ),
    "softmax": (
        program(lambda x: mb.softmax(x=x, axis=-1), ((1, 12, 512, 512), HALF)), {"softmax": 1},
        program(lambda x: mb.softmax(x=x, axis=-1), ((1, 1, 512, 512), HALF)),
    ),
    "casts": (program(back_and_forth), {"cast": 2}, program(at_the_edges, ((1, 64), SINGLE))),
    "batch": (program(relu, ((8, 64), HALF)), {"input": 1}, program(relu)),
}  # fmt: skip


def findings(folder: Path, case: tuple[Any, tuple[Any, ...], dict[str, Any]]) -> dict[str, Finding]:
    body, inputs, options = case
    return {one.id: one for one in advise(save(folder, body, *inputs, **options)).findings}


def test_every_rule_has_a_case() -> None:
    assert [rule.id for rule in RULES] == list(CASES)


@pytest.mark.parametrize("rule", CASES)
def test_rule(rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # coremltools itself does not write rank 6; other converters do.
    monkeypatch.setattr(Program, "_check_invalid_tensor_rank", lambda self: None)
    wrong, operations, right = CASES[rule]
    (tmp_path / "right").mkdir()
    found = findings(tmp_path, wrong)[rule]
    assert dict(found.operations) == operations
    assert found.examples and found.sources and found.remedy
    assert rule not in findings(tmp_path / "right", right)


@pytest.mark.parametrize(
    "case",
    [
        program(lambda x: conv(x, dilations=[2, 2]), IMAGE),
        program(lambda x: mb.conv(x=x, weight=half(4, 4, 2, 2, 2), pad_type="same"), ((1, 4, 8, 8, 8), HALF)),
        program(lambda x: conv(x, half(4, 4, 31, 1)), IMAGE),
    ],
    ids=["dilated", "3-D", "high"],
)
def test_other_convolutions_that_may_leave(case: Any, tmp_path: Path) -> None:
    assert findings(tmp_path, case)["convolution"].operations == {"conv": 1}


def test_numbers_in_the_findings(tmp_path: Path) -> None:
    for folder in "abc":
        (tmp_path / folder).mkdir()
    # 1·32·8 rows of 2 bytes, each padded to 64: 62 · 256.
    assert findings(tmp_path / "a", CASES["last-axis"][0])["last-axis"].detail.startswith("15.9 kB")
    # 64 · 64 float16.
    assert findings(tmp_path / "b", CASES["duplicates"][0])["duplicates"].detail.startswith("8.2 kB")
    # One byte for each of 4,096 values, and a float16 scale and an int8 zero point for each of 64 channels.
    expanded = findings(tmp_path / "c", CASES["expanded-weights"][0])["expanded-weights"].detail
    assert expanded == "4.3 kB on disk, 8.2 kB in memory"


def test_only_apple_is_believed() -> None:
    for rule in RULES:
        assert rule.sources, rule.id
        assert (rule.basis == THIRD_PARTY) == (not any(source.apple for source in rule.sources))
        assert rule.basis != THIRD_PARTY or rule.confidence == "low", rule.id
        assert all(source.url.startswith("https://") for source in rule.sources)
    statements = [(rule.id, rule.statement) for rule in RULES]
    assert all(a[1] != b[1] and a[0] != b[0] for a, b in itertools.combinations(statements, 2))
