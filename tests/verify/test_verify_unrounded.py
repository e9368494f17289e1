"""What the errors with and without rounding say together, and the sample of the second pass."""

from __future__ import annotations

import pytest

from edgekit.recipe.schema import Gates
from edgekit.types import Parity, Unrounded
from edgekit.verify.parity import judge
from edgekit.verify.unrounded import ROWS, meaning, sample

INF = float("inf")


def parity(error: float, unrounded: float, *, cosine: float = 0.9, other: float = 0.9) -> Parity:
    return Parity(
        "a", "r", True, "mil", 8, error, cosine, None, None, None, None,
        unrounded=Unrounded(8, unrounded, other, None, None, None),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "precision", "said"),
    [
        (parity(1e-3, 1e-4), "fp16", "small with and without rounding"),
        (parity(0.5, 1e-3), "fp16", "500 times smaller: precision is lost"),
        (parity(INF, 1e-3), "fp16", "half precision overflows, the conversion is right"),
        (parity(INF, INF), "fp16", "isn't finite even when nothing is rounded: the conversion is wrong"),
        (parity(0.5, 0.4), "fp16", "the conversion is wrong, not its precision"),
        (parity(0.5, 0.4), "int8", "from the compressed weights, or from the conversion"),
        (parity(0.5, 0.1), "fp16", "the conversion is wrong"),  # smaller, and still far too large
    ],
)
def test_the_sentence(found: Parity, precision: str, said: str) -> None:
    assert said in meaning(found, precision)


def test_nothing_is_said_of_one_pass_alone() -> None:
    assert meaning(Parity("a", "r", True, "ort", 1, 0.1, 1.0, None, None, None, None), "fp32") == ""


def test_the_sample_is_spread_over_all_rows() -> None:
    assert sample(3) == [0, 1, 2]
    chosen = sample(1000)
    assert len(chosen) == len(set(chosen)) == ROWS and chosen[0] == 0 and chosen[-1] >= 990


def test_without_labelled_rows_fp16_is_judged_by_its_cosine() -> None:
    [gate] = judge("fp16", Gates(), worst_error=1, mean_cosine=0.4, metric_drop=None)
    assert gate.name == "mean cosine" and not gate.passed
