"""Loading a file with overrides, and every problem it can have, in plain words."""

from pathlib import Path

import pytest

from edgekit.errors import RecipeError
from edgekit.recipe.load import load_recipe
from edgekit.recipe.schema import Student
from edgekit.recipe.schema.precisions import COMPRESSED
from edgekit.recipe.shapes import listed

PRECISIONS = listed(["fp32", "fp16", *COMPRESSED])


def problems_of(name, overrides=()):
    with pytest.raises(RecipeError) as caught:
        load_recipe(name, overrides)
    error = caught.value
    assert error.exit_code == 2 and error.remedy
    assert all(problem in error.fact for problem in error.problems[:40])
    return list(error.problems)


def test_a_valid_file(small):
    recipe = load_recipe(small())
    assert recipe.name == "small"
    assert recipe.distill.epochs == 2 and recipe.distill.temperature == 2.0
    assert [e.precisions for e in recipe.exports] == [("fp32", "int8"), ("fp16",)]


def test_overrides_use_yaml_values(small):
    recipe = load_recipe(
        small(),
        [
            "distill.epochs=5",
            "exports.0.precisions=[fp32]",
            "teacher.finetune.epochs=1",
            "benchmark.enabled=false",
            "description=two words",
            "student={layers: 2, select: [0, 5]}",
        ],
    )
    assert recipe.distill.epochs == 5
    assert recipe.exports[0].precisions == ("fp32",)
    assert recipe.teacher.finetune is not None and recipe.teacher.finetune.epochs == 1
    assert recipe.benchmark.enabled is False
    assert recipe.description == "two words"
    assert recipe.student.select == (0, 5)


def test_a_null_override_empties_a_section_and_a_later_override_wins(small):
    assert (
        load_recipe(small(), ["teacher.finetune.epochs=1", "teacher.finetune=null"]).teacher.finetune is None
    )
    assert load_recipe(small(), ["seed=1", "seed=2"]).seed == 2


def test_asset_paths_start_at_the_recipe_and_those_of_overrides_here(small, small_text, tmp_path):
    name = small(small_text, "deep/er/small.yaml")
    recipe = load_recipe(name, ["teacher.model.path=models/t", "data.test_source={path: test.csv}"])
    assert recipe.data.source.path == tmp_path / "deep/er/reviews.csv"
    assert recipe.teacher.model.path == tmp_path / "models/t"
    assert recipe.data.test_source is not None and recipe.data.test_source.path == tmp_path / "test.csv"
    assert load_recipe(name).teacher.model.path == tmp_path / "deep/er/../teacher"


def test_absolute_and_home_paths(small, monkeypatch):
    monkeypatch.setenv("HOME", "/users/someone")
    recipe = load_recipe(small(), ["data.source.path=/data/r.csv", "teacher.model.path=~/t"])
    assert recipe.data.source.path == Path("/data/r.csv")
    assert recipe.teacher.model.path == Path("/users/someone/t")


def test_an_unknown_key_has_its_line_and_a_suggestion(small, small_text):
    assert problems_of(small(small_text.replace("epochs: 2", "epocs: 2"))) == [
        "small.yaml:10: distill.epocs: unknown key; did you mean 'epochs'?"
    ]


def test_the_right_key_in_the_wrong_section_is_sent_home(small, small_text):
    assert problems_of(small(small_text + "temperature: 3\n")) == [
        "small.yaml:16: temperature: unknown key here; "
        "did you mean 'pretrain.temperature' or 'distill.temperature' "
        "or 'pretrain.teacher_texts.temperature'?"
    ]
    assert problems_of(small(), ["epochs=3"]) == [
        "override 'epochs=3': epochs: unknown key here; "
        "did you mean 'pretrain.epochs' or 'distill.epochs' or 'teacher.finetune.epochs'?"
    ]


def test_a_key_like_nothing_lists_what_there_is(small, small_text):
    (problem,) = problems_of(small(small_text + "student: {zzz: 1}\n"))
    assert problem == "small.yaml:16: student.zzz: unknown key; student takes " + ", ".join(
        Student.model_fields
    )


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("distill.epochs=abc", "distill.epochs: must be a whole number from 1 to 1000, not 'abc'"),
        ("distill.epochs=0", "distill.epochs: must be a whole number from 1 to 1000, not 0"),
        ("distill.epochs=1.5", "distill.epochs: must be a whole number from 1 to 1000, not 1.5"),
        ("distill.epochs=true", "distill.epochs: must be a whole number from 1 to 1000, not true"),
        (
            "distill.learning_rate=.nan",
            "distill.learning_rate: must be a number above 0 and of at most 1, not nan",
        ),
        ("distill.dropout=1", "distill.dropout: must be a number of at least 0 and below 1, or null, not 1"),
        ("data.limit=3", "data.limit: must be a whole number of at least 10, or null, not 3"),
        ("data.quoting=maybe", "data.quoting: must be true or false, not 'maybe'"),
        ("name=3", 'name: must be text, not 3; write it in quotes: "3"'),
        (
            "name=a b",
            "name: use letters, digits, '.', '_' and '-', at most 64, starting with a letter or digit",
        ),
        ("device=gpu", "device: must be 'auto', 'cpu', 'cuda' or 'mps', not 'gpu'"),
        (
            "exports.0.target=onx",
            "exports.0.target: must be 'onnx', 'onnxruntime', 'coreml' or 'coreai', not 'onx'; "
            "did you mean 'onnx'?",
        ),
        (
            "exports.0.precisions=[]",
            f"exports.0.precisions: must be a list of at least 1 entry, each {PRECISIONS}, not an empty list",
        ),
        ("exports.0.precisions.1=fp8", f"exports.0.precisions.1: must be {PRECISIONS}, not 'fp8'"),
        ("distill=", "distill: is empty; give it keys, or leave the line out"),
        (
            "data.source.path=",
            "data.source: give exactly one of path, hub, package, parts or classes (given: none)",
        ),
        ('data.source.path=""', "data.source.path: must be the path of a file or folder, not ''"),
        (
            "student.select=unifrom",
            "student.select: must be 'uniform', 'first', 'last' or 'importance', "
            "or a list, each a whole number, not 'unifrom'; did you mean 'uniform'?",
        ),
        ("student.select=[a,1,2]", "student.select.0: must be a whole number, not 'a'"),
        ("data.label={column: c}", "data.label.bins: missing; it must be a section of keys and values"),
        (
            "data.label={column: c, bins: {a: [1], b: [1, 2]}}",
            "data.label.bins.a: must be a list of 2 entries (a number, or null; a number, or null), "
            "not a list of 1",
        ),
        ("data.label={column: c, bins: {a: [1, 2]}}", "data.label.bins: give at least two bins"),
        (
            "data.label=[1]",
            "data.label: must be text, or a section with keys such as column, bins, not a list of 1",
        ),
    ],
)
def test_values_are_refused_in_plain_words(small, override, said):
    got = problems_of(small(), [override])
    assert len(got) == 1
    text = got[0].removeprefix("override ")
    assert text.endswith(said) and "pydantic" not in text and "Input should" not in text


def test_fields_that_do_not_fit_together_name_the_section_or_the_override(small, small_text):
    text = small_text.replace("train: 0.8", "train: 0.9")
    assert problems_of(small(text)) == [
        "small.yaml:5: data.split: train + validation + test is 1.1; make them sum to 1"
    ]
    assert problems_of(small(), ["data.split.train=0.9"]) == [
        "override 'data.split.train=0.9': data.split: train + validation + test is 1.1; make them sum to 1"
    ]
    assert problems_of(small(), ["exports.1.target=onnx", "exports.1.precisions=[fp32]"])[0].endswith(
        "exports: list each target once, with all its precisions"
    )


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("foo", "override 'foo': write KEY=VALUE, as in distill.epochs=5"),
        ("=3", "override '=3': write KEY=VALUE, as in distill.epochs=5"),
        ("a..b=3", "override 'a..b=3': write KEY=VALUE, as in distill.epochs=5"),
        (
            "exports.2.target=onnx",
            "override 'exports.2.target=onnx': exports.2: exports is a list and '2' is not one of its "
            "entries; it has entries 0 to 1",
        ),
        ("name.x=1", "override 'name.x=1': name: has no keys below it: it is 'small'"),
        ("seed=!x 1", "override 'seed=!x 1': seed: the tag '!x' is not allowed; give a plain value"),
    ],
)
def test_overrides_that_make_no_sense(small, override, said):
    assert problems_of(small(), [override]) == [said]


def test_an_override_that_is_not_yaml(small):
    (problem,) = problems_of(small(), ["seed=[1"])
    assert problem.startswith("override 'seed=[1': seed: not valid YAML")


def test_all_problems_at_once_in_the_order_of_the_file(small):
    got = problems_of(
        small(
            """\
            name: 3
            data:
              sorce: {path: a.csv}
              limit: 3
            teacher:
              model: {hub: a/b}
            distill: {epochs: 0, epochs: 1}
            exports:
              - {target: coreml, precisions: [fp33]}
            nonsense: 1
            """
        ),
        ["seed=-1"],
    )
    assert [problem.split(": ", 2)[:2] for problem in got] == [
        ["small.yaml:1", "name"],
        ["small.yaml:3", "data.sorce"],
        ["small.yaml:4", "data.limit"],
        ["small.yaml:6", "teacher.model"],
        ["small.yaml:7", "distill.epochs"],
        ["small.yaml:9", "exports.0.precisions.0"],
        ["small.yaml:10", "nonsense"],
        ["override 'seed=-1'", "seed"],
    ]


def test_a_misspelt_key_still_has_its_value_judged(small, small_text):
    assert problems_of(small(small_text.replace("epochs: 2", "epocs: none"))) == [
        "small.yaml:10: distill.epocs: unknown key; did you mean 'epochs'?",
        "small.yaml:10: distill.epochs: must be a whole number from 1 to 1000, not 'none'",
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "x.yaml: the file is empty"),
        (b"# nothing\n", "x.yaml: the file is empty"),
        (b"\n- a\n- b\n", "x.yaml:2: a recipe is made of keys and values, and this file holds a list"),
        (
            b"hello",
            "x.yaml:1: a recipe is made of keys and values, and this file holds the single value 'hello'",
        ),
        (b"name: \xe9", "x.yaml:1: not UTF-8 text; save the file with that encoding"),
        (b"name: a\nb: c: d\n", "x.yaml:2: not valid YAML: mapping values are not allowed here"),
    ],
)
def test_files_that_are_no_recipe(tmp_path, monkeypatch, data, said):
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_bytes(data)
    assert problems_of("x.yaml") == [said]


def test_thousands_of_problems_are_counted_not_printed(small, small_text):
    name = small(small_text + "".join(f"key{i}: 1\n" for i in range(3000)))
    with pytest.raises(RecipeError) as caught:
        load_recipe(name)
    assert len(caught.value.problems) == 3000
    assert "and 2960 more" in caught.value.fact
    assert len(caught.value.fact) < 20_000


def test_control_characters_do_not_reach_the_terminal(small, small_text):
    (problem,) = problems_of(small(small_text + '"\\e[31m\\ud800": 1\n'))
    assert "\x1b" not in problem and problem.encode("utf-8")


@pytest.mark.parametrize(
    "overrides",
    [
        ["distill.embedding_updates=lazy", "distill.optimizer=prodigy"],
        ["distill.embedding_updates=lazy", "student.quantization_aware=true"],
    ],
)
def test_lazy_token_tables_are_refused_where_every_row_changes(small, overrides):
    assert any("lazy" in problem for problem in problems_of(small(), overrides))
    load_recipe(small(), [overrides[0].replace("lazy", "dense"), overrides[1]])
