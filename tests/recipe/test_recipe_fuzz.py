"""Whatever is in a recipe file, a `Recipe` or a `RecipeError` comes out, and soon."""

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edgekit.errors import RecipeError
from edgekit.recipe.dump import to_yaml
from edgekit.recipe.library import find_recipe
from edgekit.recipe.load import load_recipe
from edgekit.recipe.mapping import recipe_from_mapping
from edgekit.recipe.schema import Recipe
from edgekit.recipe.shapes import recipe_shape

SHIPPED = find_recipe("movie-reviews").read_bytes()
LINES = SHIPPED.decode().splitlines()

# Generous: a shared machine hiccups; what is ruled out is the minute or the hour of a bomb.
fuzz = settings(
    deadline=timedelta(seconds=5),
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)

MARKS = ["\n  ", ": ", "- ", "&a ", "*a", "<<: ", "!!int ", "---\n", "...\n", "%YAML 1.1\n", "\u2028", "\x85"]
WORDS = ["null", "true", "1e999", ".nan", "0o7", "0b", "1:30", "=", "2024-01-01", "\\ud800"]
TOKENS = st.sampled_from([*"[]{}:,-?&*!|>'\"#%@`~\t\n ", *MARKS, *WORDS, *recipe_shape()["properties"]])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["onnx", "fp16", "a/b"]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def _paths(node, shape=()):
    """Every dotted key of the schema, a list entry as 0."""
    if "$ref" in node:
        node = recipe_shape()["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    for branch in node.get("anyOf", ()):
        yield from _paths(branch, shape)
    for key, below in node.get("properties", {}).items():
        yield (*shape, key)
        yield from _paths(below, (*shape, key))
    if "items" in node:
        yield (*shape, "0")
        yield from _paths(node["items"], (*shape, "0"))


KEYS = st.sampled_from(sorted({".".join(path) for path in _paths(recipe_shape())}))


def outcome(data: bytes, overrides=()):
    """Loads the bytes as a file; any exception but a well-made RecipeError fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.yaml"
        path.write_bytes(data)
        try:
            recipe = load_recipe(path, overrides)
        except RecipeError as error:
            assert error.problems and error.remedy
            assert str(error).encode("utf-8")  # printable anywhere: no lone surrogate
            assert all(c.isprintable() or c == "\n" for c in str(error))
            assert "Input should" not in error.fact
            return error
        assert isinstance(recipe, Recipe)
        return recipe


@fuzz
@given(st.binary(max_size=300))
def test_any_bytes(data):
    outcome(data)


@fuzz
@given(st.lists(TOKENS, max_size=40).map("".join))
def test_any_tokens(text):
    outcome(text.encode("utf-8", "surrogatepass"))


@fuzz
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SHIPPED) - 1), st.integers(0, 4), st.one_of(st.binary(max_size=4), TOKENS)
        ),
        min_size=1,
        max_size=4,
    )
)
def test_the_shipped_recipe_with_bytes_changed(edits):
    data = SHIPPED
    for at, cut, new in edits:
        data = data[:at] + (new if isinstance(new, bytes) else new.encode()) + data[at + cut :]
    outcome(data)


@fuzz
@given(
    st.lists(
        st.tuples(st.integers(0, len(LINES) - 1), st.sampled_from(["drop", "twice", "in", "out", "move"])),
        max_size=5,
    )
)
def test_the_shipped_recipe_with_lines_changed(edits):
    lines = list(LINES)
    for at, what in edits:
        at %= len(lines)
        if what == "drop" and len(lines) > 1:
            del lines[at]
        elif what == "twice":
            lines.insert(at, lines[at])
        elif what == "in":
            lines[at] = "  " + lines[at]
        elif what == "out":
            lines[at] = lines[at].removeprefix("  ")
        else:
            lines.append(lines.pop(at))
    outcome("\n".join(lines).encode())


@fuzz
@given(
    st.lists(st.tuples(KEYS, st.one_of(TOKENS, SCALARS.map(str), ANYTHING.map(repr))), min_size=1, max_size=4)
)
def test_any_override_of_the_shipped_recipe(pairs):
    outcome(SHIPPED, [f"{key}={value}" for key, value in pairs])


@fuzz
@given(st.dictionaries(KEYS, ANYTHING, max_size=5))
def test_any_mapping(flat):
    tree: dict = {"name": "x", "data": {"source": {"path": "a"}}, "teacher": {"model": {"path": "b"}}}
    for key, value in flat.items():
        *sections, last = key.split(".")
        here = tree
        for section in sections:
            below = here.get(section)
            if not isinstance(below, dict):
                below = here[section] = {}
            here = below
        here[last] = value
    try:
        recipe = recipe_from_mapping(tree, origin="flags")
    except RecipeError as error:
        assert error.problems and str(error).encode("utf-8")
    else:
        _survives(recipe)


@fuzz
@example(description="\x85a\u2028 b\n\t c: #", labels=["1", "true", "", "~"], rate=5e-5, seed=0)
@given(
    description=st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
    labels=st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=6), max_size=4),
    rate=st.floats(0, 1, exclude_min=True),
    seed=st.integers(0, 2**31 - 1),
)
def test_any_valid_recipe_survives_being_written_out(description, labels, rate, seed):
    _survives(
        recipe_from_mapping(
            {
                "name": "x",
                "description": description,
                "seed": seed,
                "data": {"source": {"path": "a.csv"}, "labels": labels},
                "teacher": {"model": {"path": "t"}},
                "distill": {"learning_rate": rate},
            },
            origin="here",
        )
    )


def _survives(recipe: Recipe) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.yaml"
        path.write_text(to_yaml(recipe), encoding="utf-8", newline="")
        assert load_recipe(path) == recipe
