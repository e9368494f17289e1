"""The files that no other beats, which of them are tested, and what to relax when none fits."""

from __future__ import annotations

from edgekit.fit.bounds import Bounds
from edgekit.fit.outcome import Candidate, advice, excess_of, frontier, members, relaxed
from edgekit.fit.validation import Scored


def file(size: int, ms: float | None, retention: float, precision: str = "int8") -> Scored:
    return Scored(precision, size, ms, ms, retention, retention)


def found(*rows: tuple[int, int, float, float]) -> list[Candidate]:
    return [Candidate(trial, file(size, ms, kept)) for trial, size, ms, kept in rows]


def test_a_file_is_kept_unless_another_is_as_good_in_all_and_better_in_one() -> None:
    candidates = found(
        (0, 1000, 1.0, 0.99),
        (1, 1000, 1.0, 0.98),  # the same cost, keeps less
        (2, 500, 2.0, 0.97),  # smaller
        (3, 2000, 0.5, 0.90),  # faster
        (4, 2000, 2.0, 0.90),  # larger and slower than 0
        (5, 1000, 1.001, 0.99),  # 0 again, to the precision of a clock
    )
    assert [c.trial for c in frontier(candidates)] == [2, 0, 3]


def test_the_extremes_are_tested_first_and_then_those_apart() -> None:
    candidates = frontier(
        found((0, 100, 5.0, 0.90), (1, 1000, 1.0, 0.95), (2, 1010, 1.2, 0.951), (3, 9000, 2.0, 0.99))
    )
    assert {c.trial for c in members(candidates, 3)} == {0, 1, 3}
    assert len(members(candidates, 9)) == len(candidates)


def test_all_files_of_a_chosen_student_come_with_it() -> None:
    pair = [Candidate(0, file(100, 2.0, 0.9)), Candidate(0, file(400, 1.0, 0.95, "fp32"))]
    assert len(members(frontier(pair), 1)) == 2


def test_the_nearest_student_and_the_bounds_that_kept_others_out_are_named() -> None:
    bounds = Bounds(max_bytes=5_000_000, max_latency_ms=0.5, min_retention=0.97)
    candidates = found((3, 4_000_000, 0.4, 0.9512), (4, 3_000_000, 0.3, 0.94))
    drawn = {
        3: {"bytes": -0.2, "ms": -0.2},
        4: {"bytes": 0.0, "ms": 0.0},
        5: {"bytes": -0.1, "ms": 0.9},
        6: {"bytes": -0.1, "ms": 0.2},
        7: {"bytes": 0.5, "ms": 0.1},  # breaks both: relaxing one would not do
        8: {"bytes": 0.3},
        9: {"impossible": 1.0},
    }
    fact, options = advice(bounds, candidates, drawn)
    assert "student 3" in fact and "95.1 %" in fact and "4.0 MB" in fact and "0.4 ms" in fact
    assert options[0] == "--min-retention 0.951"
    assert options[1].startswith("--max-bytes 6.51MB (student 8") and "1 of 7 draws" in options[1]
    assert options[2].startswith("--max-latency-ms 0.601 (student 6") and "2 of 7 draws" in options[2]


def test_a_relaxed_bound_lets_in_what_it_was_taken_from() -> None:
    for value in (0.1234, 3.999, 17.64, 812.3):
        assert value < relaxed(value) <= value * 1.02


def test_the_excess_is_that_of_the_nearest_file() -> None:
    bounds = Bounds(max_bytes=1000, max_latency_ms=1.0)
    nearest = excess_of((file(4000, 0.5, 0.9), file(1500, 1.2, 0.9)), bounds)
    assert nearest["bytes"] == 0.5 and abs(nearest["ms"] - 0.2) < 1e-9
