"""Sampling that is never repeated, rewards, the sandbox, pass@k, and a self-training from end to end."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from edgekit.cli.main import main
from edgekit.errors import DataError, RecipeError
from edgekit.files import read_json
from edgekit.tune.base import load_base, load_processor
from edgekit.tune.pass_at_k import mean_pass_at_k, pass_at_k
from edgekit.tune.rewards import find_reward
from edgekit.tune.sampling import sample
from edgekit.tune.sandbox import Limits, network_is_cut, run_python
from edgekit.tune.self_training import Plan, self_train
from tests.tune.tune_examples import save_decoder, small_settings, write_lines

PROMPTS = ["the cat", "a", "naïve café on the mat", "the mat sat", "日本"]
LOUD = {"samples": 4, "tokens": 6, "temperature": 1.0, "seed": 3, "batch": 8}


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return save_decoder(tmp_path_factory.mktemp("decoder") / "model")


@pytest.fixture(scope="module")
def loaded(decoder):
    return load_base(decoder, dtype=torch.float32), load_processor(decoder)


def test_pass_at_k_is_the_mean_over_all_draws():
    for right in range(6):
        draws = [any(one) for one in itertools.combinations([True] * right + [False] * (5 - right), 3)]
        assert pass_at_k(5, right, 3) == pytest.approx(sum(draws) / len(draws))
    assert mean_pass_at_k([0, 4, 2], 4, 1) == pytest.approx(0.5)
    with pytest.raises(ValueError):
        pass_at_k(4, 1, 5)


def test_greedy_samples_are_what_each_prompt_alone_gives(loaded, tmp_path):
    model, words = loaded
    greedy = {"samples": 1, "tokens": 6, "temperature": 0.0, "seed": 0}
    together = sample(model, words, PROMPTS, tmp_path / "all.jsonl", batch=8, **greedy)
    for number, prompt in enumerate(PROMPTS):  # left padding and the cache change nothing
        alone = sample(model, words, [prompt], tmp_path / f"{number}.jsonl", batch=1, **greedy)
        assert together[number] == alone[0]


def test_a_finished_prompt_is_not_sampled_again_and_a_resumed_run_ends_the_same(loaded, tmp_path):
    model, words = loaded
    whole = sample(model, words, PROMPTS, tmp_path / "whole.jsonl", **LOUD)
    assert len({text for texts in whole for text in texts}) > 10
    lines = (tmp_path / "whole.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    # Killed after three prompts, in the middle of a line; the first was judged otherwise meanwhile.
    marked = json.dumps({"prompt": 0, "samples": ["kept"] * 4}) + "\n"
    cut = tmp_path / "cut.jsonl"
    cut.write_text(marked + "".join(lines[1:3]) + lines[3][:9], encoding="utf-8")
    again = sample(model, words, PROMPTS, cut, **LOUD)
    assert again == [["kept"] * 4, *whole[1:]]
    before = cut.read_bytes()
    assert sample(model, words, PROMPTS, cut, **LOUD) == again
    assert cut.read_bytes() == before
    with pytest.raises(DataError, match="another run"):
        sample(model, words, PROMPTS, cut, **{**LOUD, "samples": 2})


def test_samples_end_at_a_stop_text(loaded, tmp_path):
    model, words = loaded
    free = sample(model, words, PROMPTS, tmp_path / "free.jsonl", **LOUD)
    letter = next(text[1] for texts in free for text in texts if len(text) > 2)
    stopped = sample(model, words, PROMPTS, tmp_path / "stop.jsonl", stop=[letter], **LOUD)
    assert not any(letter in text for texts in stopped for text in texts)


@pytest.mark.parametrize(
    ("answer", "said", "right"),
    [
        (47, " 47", True),
        (47, "47.0\n12 + 3 = 15", True),
        (47, "12 + 35 = 47.", True),
        ("1,200", "1200", True),
        ("Paris", " paris!", True),
        (["a", "b"], "b", True),
        (47, "470", False),
        (47, "4\n47", False),
        (47, "", False),
    ],
)
def test_exact_answers(answer, said, right):
    assert find_reward("exact")({"prompt": "", "answer": answer}, said) is right


def test_rewards_by_expression_and_by_function(tmp_path, monkeypatch):
    row = {"prompt": "", "regex": r"\b\d{2}\b"}
    assert find_reward("regex")(row, "it is 42") and not find_reward("regex")(row, "it is 420")
    (tmp_path / "my_rewards.py").write_text(
        "def even(row, sample):\n    return len(sample) % 2 == 0\n\ndef bad(row, sample):\n    return 1 / 0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert find_reward("my_rewards:even")({}, "ab") and not find_reward("my_rewards:even")({}, "abc")
    with pytest.raises(DataError, match="ZeroDivisionError"):
        find_reward("my_rewards:bad")({}, "ab")
    for name in ("nothing", "my_rewards:nothing", "no_such_module:f"):
        with pytest.raises(RecipeError):
            find_reward(name)
    with pytest.raises(DataError, match="answer"):
        find_reward("exact")({"prompt": "x"}, "y")


def test_unit_tests_run_the_samples_code():
    row = {"prompt": "", "test": "assert double(4) == 8"}
    right = "Here it is:\n```python\ndef double(x):\n    return 2 * x\n```\nDone."
    judge = find_reward("unit-test")
    assert judge(row, right)
    assert not judge(row, right.replace("2 * x", "x"))
    # Neither an early exit nor a syntax error passes.
    for code in ("import sys; sys.exit(0)", "import os; os._exit(0)", "def double(x:"):
        assert not judge(row, code)


def test_the_sandbox_holds(tmp_path):
    limits = Limits(seconds=20, cpu_seconds=1, memory_bytes=256 << 20, file_bytes=10_000)
    assert run_python("import math", limits).passed
    assert "MemoryError" in run_python("x = bytearray(1 << 30)", limits).why
    assert not run_python("while True: pass", limits).passed  # the CPU limit, long before the clock
    assert "not finished" in run_python("import time; time.sleep(60)", Limits(seconds=0.5)).why
    assert not run_python("open('big', 'w').write('x' * 20_000)", limits).passed
    assert run_python("open('small', 'w').write('x')", limits).passed
    empty = "import os; assert set(os.environ) <= {'HOME', 'TMPDIR', 'LANG', 'LC_CTYPE'}, os.environ"
    assert run_python(empty, limits).passed
    alone = "import os; assert os.listdir('.') == ['solution.py'] and os.getcwd() == os.environ['HOME']"
    assert run_python(alone, limits).passed
    raised = "import resource as r; r.setrlimit(r.RLIMIT_CPU, (9, 9))"
    if network_is_cut():  # without a namespace, root may raise its limits
        assert not run_python(raised, limits).passed
        reach = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
        assert "unreachable" in run_python(reach, limits).why


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """A task that a random decoder sometimes solves: its answer has an "a" in it."""
    rows = [{"prompt": f"{a} {b}", "regex": "a"} for a, b in itertools.product("catsonm", "theg")]
    return write_lines(tmp_path_factory.mktemp("data") / "prompts.jsonl", rows)


def test_self_training_raises_pass_at_1_and_goes_on_where_it_was(decoder, letters, tmp_path):
    plan = Plan(
        iterations=2, samples=8, keep=4, held_out_samples=8, temperature=1.0, tokens=4,
        tuning=small_settings(method="full", validation=0.0, epochs=8, batch_size=4),
    )  # fmt: skip
    first = self_train(decoder, letters, tmp_path / "out", reward="regex", plan=plan)
    at = [one.pass_at for one in first.iterations]
    assert len(at) == 3 and at[2]["1"] > at[0]["1"] + 0.2
    assert all(one["8"] >= one["1"] for one in at)
    assert first.best.number > 0 and first.prompts + first.held_out == 28
    kept = [json.loads(line) for line in (tmp_path / "out/iteration-1/kept.jsonl").read_text().splitlines()]
    assert all("a" in row["completion"] for row in kept) and len(kept) == first.iterations[1].kept
    per_prompt = [row["prompt"] for row in kept]
    assert max(map(per_prompt.count, per_prompt)) <= 4 and len({json.dumps(r) for r in kept}) == len(kept)
    # Each iteration starts from the base: its model is that of a plain tuning on what was kept.
    told = read_json(tmp_path / "out" / "iteration-2" / "model" / "tune.json")
    assert told["tuned"]["rows"] == first.iterations[2].kept

    # Killed before the last evaluation was written: nothing that is there is made again.
    samples = tmp_path / "out" / "evaluation-2" / "samples.jsonl"
    lines = samples.read_text(encoding="utf-8").splitlines(keepends=True)
    samples.write_text("".join(lines[:-2]), encoding="utf-8")
    weights = tmp_path / "out" / "iteration-2" / "model" / "model.safetensors"
    when = weights.stat().st_mtime_ns
    assert self_train(decoder, letters, tmp_path / "out", reward="regex", plan=plan) == first
    assert weights.stat().st_mtime_ns == when
    with pytest.raises(RecipeError, match="other settings"):
        self_train(decoder, letters, tmp_path / "out", reward="regex", plan=Plan())


def test_a_reward_that_nothing_earns_is_told(decoder, tmp_path):
    prompts = write_lines(
        tmp_path / "p.jsonl", [{"prompt": f"{i}", "answer": "unheard of"} for i in range(6)]
    )
    plan = Plan(samples=2, held_out_samples=2, tokens=2, tuning=small_settings(validation=0.0))
    with pytest.raises(DataError, match="nothing to learn"):
        self_train(decoder, prompts, tmp_path / "out", reward="exact", plan=plan)


def test_held_out_prompts_must_be_others(decoder, letters, tmp_path):
    with pytest.raises(DataError, match="held out"):
        self_train(decoder, letters, tmp_path / "out", reward="regex", held_out=letters)


def test_the_commands(decoder, letters, tmp_path):
    def call(*words: object) -> str:
        done = CliRunner().invoke(main, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.stdout

    table = call("tune", decoder, "--estimate", "--batch-size", 2, "--max-length", 16)
    assert all(method in table for method in ("full", "lora", "qlora", "activations"))
    data = write_lines(tmp_path / "d.jsonl", [{"text": "the cat sat"}] * 8)
    told = json.loads(call("tune", decoder, "--data", data, "-o", tmp_path / "t", "--epochs", 1, "--json"))
    assert told["before"]["loss"] > 0 and Path(told["path"]) == tmp_path / "t"
    shown = call(
        "self-train", decoder, "--prompts", letters, "--reward", "regex", "--iterations", 1, "--tokens", 3,
        "--epochs", 1, "-o", tmp_path / "s", "-q",
    )  # fmt: skip
    assert "pass@1" in shown and "pass@8" in shown and "base" in shown
