"""Operations, bytes and bounds, against numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from advice_packages import HALF, IOS18, WHOLE, half, save
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import get_new_symbol
from coremltools.optimize import coreml as cto

from edgekit.advice.advise import advise
from edgekit.advice.chips import CHIPS
from edgekit.advice.program import extents
from edgekit.advice.scene import fix, survey
from edgekit.errors import ModelError
from edgekit.mil import load


def linear(x: Any) -> Any:
    return mb.linear(x=x, weight=half(5, 7))


def product(x: Any, y: Any) -> Any:
    return mb.matmul(x=x, y=y, transpose_x=True)


def conv(x: Any) -> Any:
    return mb.conv(x=x, weight=half(6, 2, 3, 3), groups=2, strides=[2, 2], pad_type="valid")


def winograd(x: Any) -> Any:
    return mb.conv(x=x, weight=half(6, 4, 3, 3), pad_type="valid")


def transposed(x: Any) -> Any:
    return mb.conv_transpose(x=x, weight=half(4, 3, 2, 2), strides=[2, 2], pad_type="valid")


def einsum(x: Any, y: Any) -> Any:
    return mb.einsum(values=(x, y), equation="nchw,nwhu->nchu")


def attention(x: Any, y: Any, z: Any) -> Any:
    return mb.scaled_dot_product_attention(query=x, key=y, value=z)


def lstm(x: Any) -> Any:
    zero = np.zeros((2, 8), np.float16)
    return mb.lstm(x=x, initial_h=zero, initial_c=zero, weight_ih=half(32, 3), weight_hh=half(32, 8))[0]


@pytest.mark.parametrize(
    ("body", "shapes", "multiply_adds"),
    [
        (linear, [(1, 3, 7)], 3 * 5 * 7),
        (product, [(2, 7, 3), (2, 7, 5)], 2 * 3 * 5 * 7),
        # 9×9 → 4×4 outputs of 6 channels, each 2 channels of its group × 3 × 3.
        (conv, [(1, 4, 9, 9)], 6 * 4 * 4 * 2 * 9),
        (transposed, [(1, 4, 5, 5)], 4 * 5 * 5 * 3 * 4),
        (einsum, [(1, 2, 3, 8), (1, 8, 3, 5)], 2 * 3 * 5 * 8),
        (attention, [(1, 2, 3, 8), (1, 2, 5, 8), (1, 2, 5, 4)], 2 * 3 * 5 * (8 + 4)),
        (lstm, [(4, 2, 3)], 4 * 2 * 32 * (3 + 8)),
    ],
)
def test_multiply_adds(body: Any, shapes: list[Any], multiply_adds: int, tmp_path: Path) -> None:
    path = save(tmp_path, body, *((shape, HALF) for shape in shapes), target=IOS18)
    (work,) = advise(path).work
    assert work.multiply_adds == multiply_adds
    assert not work.uncounted


def test_the_bound_leaves_room_for_winograd(tmp_path: Path) -> None:
    advice = advise(save(tmp_path, winograd, ((1, 4, 10, 10), HALF)))
    written = 6 * 8 * 8 * 4 * 9
    assert advice.work[0].multiply_adds == written
    m1 = next(b for b in advice.lower_bounds if b.chip.name == "M1")
    assert m1.compute_ms == pytest.approx(2 * written / 4 / 11e12 * 1e3)


def test_elementwise_and_reductions(tmp_path: Path) -> None:
    path = save(tmp_path, lambda x: mb.reduce_sum(x=mb.relu(x=x), axes=[1]), ((2, 64), HALF))
    assert advise(path).work[0].elementwise == 128 + 128


def test_bytes_that_must_move(tmp_path: Path) -> None:
    table = half(1000, 64)
    advice = advise(
        save(
            tmp_path,
            lambda x: mb.linear(
                x=mb.gather(x=table, indices=x, axis=0, validate_indices=False), weight=half(32, 64, seed=1)
            ),
            ((1, 8), WHOLE),
        )
    )
    # Of the table 8 rows; the other weight; ids and results.
    assert advice.work[0].least_traffic_bytes == 8 * 64 * 2 + 32 * 64 * 2 + 8 * 4 + 8 * 32 * 2
    # Besides the two: linear's bias of 32 zeros, too small to count.
    assert advice.sizes.weights_stored_bytes == advice.sizes.weights_dense_bytes == (1000 + 32) * 64 * 2
    m4 = next(b for b in advice.lower_bounds if b.chip.name == "M4")
    assert m4.memory_ms == pytest.approx(advice.work[0].least_traffic_bytes / 120e9 * 1e3)
    assert m4.at_least_ms == max(m4.memory_ms, m4.compute_ms)


def test_compressed_weights_move_as_they_are_stored(tmp_path: Path) -> None:
    config = cto.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=0)
    advice = advise(
        save(
            tmp_path,
            lambda x: mb.linear(x=x, weight=half(64, 64)),
            ((1, 64), HALF),
            change=lambda m: cto.palettize_weights(m, cto.OptimizationConfig(config)),
        )
    )
    sizes = advice.sizes
    assert sizes.weights_dense_bytes - sizes.weights_stored_bytes == pytest.approx(64 * 64 * 1.5, abs=64)
    assert advice.work[0].least_traffic_bytes < 64 * 64 * 2


def test_live_activations(tmp_path: Path) -> None:
    def body(x: Any) -> Any:
        return mb.add(x=mb.relu(x=x), y=mb.exp(x=x))

    advice = advise(save(tmp_path, body, ((1, 1000), HALF)))
    assert advice.work[0].live_activation_bytes == 3 * 2000  # x, relu and exp; then relu, exp and their sum


def test_states_are_told_and_not_in_the_bound(tmp_path: Path) -> None:
    def body(x: Any, s: Any) -> Any:
        return mb.add(x=mb.read_state(input=s), y=x)

    advice = advise(save(tmp_path, body, ((1, 64), HALF), state=(4, 64), target=IOS18))
    assert advice.sizes.state_bytes == 4 * 64 * 2
    assert advice.work[0].least_traffic_bytes == 64 * 2 + 4 * 64 * 2


def test_loops_are_not_counted(tmp_path: Path) -> None:
    def body(x: Any) -> Any:
        return mb.while_loop(
            _cond=lambda a: mb.less(x=mb.reduce_sum(x=a, axes=[0, 1], keep_dims=False), y=np.float16(9)),
            _body=lambda a: mb.linear(x=a, weight=half(64, 64)),
            loop_vars=(x,),
        )

    (work,) = advise(save(tmp_path, body, ((1, 64), HALF))).work
    assert work.multiply_adds == 0 and len(work.uncounted) == 1
    assert work.least_traffic_bytes == 2 * 64 * 2


@pytest.fixture(scope="module")
def flexible(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Attention scores of one sequence of 1 to 128 rows, 16 by default."""

    def body(x: Any) -> Any:
        rows = mb.reshape(x=x, shape=[1, -1, 2, 8])
        return mb.matmul(x=mb.transpose(x=rows, perm=[0, 2, 1, 3]), y=mb.transpose(x=rows, perm=[0, 2, 3, 1]))

    return save(
        tmp_path_factory.mktemp("flexible"),
        body,
        ((1, get_new_symbol(), 16), HALF),
        shapes=[ct.Shape((1, ct.RangeDim(1, 128, 16), 16))],
    )


def test_lengths(flexible: Path) -> None:
    assert advise(flexible).length == 16
    advice = advise(flexible, lengths=[32, 64, 32])
    assert [(w.length, w.multiply_adds) for w in advice.work] == [
        (length, 2 * length * length * 8) for length in (32, 64)
    ]
    assert advice.length == 32
    assert {b.length for b in advice.lower_bounds} == {32, 64}
    assert len(advice.lower_bounds) == 2 * len(CHIPS)


def test_a_length_that_it_does_not_take(flexible: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"does not take the length 129.*1\.\.128"):
        advise(flexible, lengths=[129])
    fixed = save(tmp_path, lambda x: mb.relu(x=x), ((1, 64), HALF))
    with pytest.raises(ModelError, match="fixed shapes"):
        advise(fixed, lengths=[64])
    assert advise(fixed).length is None


def test_shapes_are_those_of_an_execution(flexible: Path) -> None:
    model = load(flexible)
    seen = {}
    model.predict(
        {"x": np.ones((1, 24, 16), np.float16)},
        observer=lambda op, _, outputs: seen.update({op.name: tuple(outputs[0].shape)}),
    )
    scene = survey(load(flexible))
    fix(scene, 24)
    assert {op.name: extents(op.outputs[0]) for op in scene.operations} == seen


def test_inputs_that_do_not_fit_together(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        lambda x: mb.concat(values=(mb.reshape(x=x, shape=[-1, 32]), half(2, 32)), axis=0),
        ((1, get_new_symbol()), HALF),
        shapes=[ct.Shape((1, ct.RangeDim(1, 128, 64)))],
    )
    assert advise(path).length == 64
    with pytest.raises(ModelError, match=r"don't fit together for x \[1, 33\]"):
        advise(path, lengths=[33])


def test_enumerated_lengths(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        lambda x: mb.linear(x=x, weight=half(4, 16)),
        ((1, get_new_symbol(), 16), HALF),
        shapes=[ct.EnumeratedShapes([(1, 8, 16), (1, 24, 16)])],
    )
    assert [w.multiply_adds for w in advise(path, lengths=[8, 24]).work] == [8 * 64, 24 * 64]
    with pytest.raises(ModelError, match="does not take the length 9"):
        advise(path, lengths=[9])


def test_every_figure_of_a_chip_says_who_published_it() -> None:
    for chip in CHIPS:
        assert "https://" in chip.peak_source
        assert (chip.bandwidth_bytes_per_second is None) == (chip.bandwidth_source is None)
        assert chip.bandwidth_source is None or "https://" in chip.bandwidth_source
