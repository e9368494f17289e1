"""The next token: every filter against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit.errors import RecipeError
from edgekit.runtimes.decoder_sampling import Sampling, choose, penalised, probabilities

# Softmax of these at temperature 1: .5, .25, .125, .125
LOGITS = np.log(np.array([0.5, 0.25, 0.125, 0.125], np.float32))


def test_greedy_takes_the_likeliest_and_draws_nothing() -> None:
    assert choose(LOGITS, Sampling(), [], np.random.default_rng(0)) == 0


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(temperature=1), [0.5, 0.25, 0.125, 0.125]),
        (Sampling(temperature=0.5), np.array([16, 4, 1, 1]) / 22),
        (Sampling(temperature=1, top_k=2), [2 / 3, 1 / 3, 0, 0]),
        (Sampling(temperature=1, top_p=0.5), [1, 0, 0, 0]),
        (Sampling(temperature=1, top_p=0.6), [2 / 3, 1 / 3, 0, 0]),
        (Sampling(temperature=1, min_p=0.4), [2 / 3, 1 / 3, 0, 0]),
        (Sampling(temperature=1, min_p=0.6), [1, 0, 0, 0]),
        (Sampling(temperature=1, top_k=99), [0.5, 0.25, 0.125, 0.125]),
    ],
)
def test_filters(sampling: Sampling, expected: list[float]) -> None:
    assert np.allclose(probabilities(LOGITS, sampling, []), expected)


def test_the_penalty_lowers_what_was_seen_whatever_its_sign() -> None:
    scores = penalised(np.array([2.0, -2.0, 1.0], np.float32), 2.0, [0, 1, 1])
    assert scores.tolist() == [1.0, -4.0, 1.0]
    assert choose(np.array([2.0, 1.5], np.float32), Sampling(repetition_penalty=2.0), [0], None) == 1


def test_draws_follow_the_probabilities_and_the_seed() -> None:
    sampling, random = Sampling(temperature=1), np.random.default_rng(3)
    drawn = [choose(LOGITS, sampling, [], random) for _ in range(4000)]
    assert np.allclose(np.bincount(drawn) / 4000, [0.5, 0.25, 0.125, 0.125], atol=0.03)
    again = np.random.default_rng(3)
    assert drawn[:50] == [choose(LOGITS, sampling, [], again) for _ in range(50)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1.0},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"min_p": 2.0},
        {"repetition_penalty": 0.0},
    ],
)
def test_values_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match=next(iter(wrong))[1:]):
        Sampling(**wrong).check()
