"""What a recipe may say of a decoder's exports, and what is refused before anything is fetched."""

from __future__ import annotations

import pytest

from edgekit.errors import RecipeError
from edgekit.recipe.dump import to_yaml
from edgekit.recipe.load import load_recipe

HEAD = "name: x\ndata: {source: {path: a.txt}, format: text}\nteacher: {model: {path: t}}\n"
DECODER = HEAD + "task: text-generation\n"


def test_options_of_each_target(small) -> None:
    recipe = load_recipe(
        small(
            DECODER + "exports:\n"
            "  - {target: onnxruntime, precisions: [int4], block_size: 64,\n"
            "     decoder: {context: 512, table_bits: 4, kv_cache: int8}}\n"
            "  - {target: coreml, precisions: [palette4-grouped], minimum_deployment_target: iOS18,\n"
            "     group_size: 16, decoder: {split_phases: true}}\n"
        )
    )
    onnx, coreml = recipe.exports
    assert (onnx.decoder.context, onnx.decoder.table_bits, onnx.decoder.kv_cache) == (512, 4, "int8")
    assert coreml.decoder.split_phases and coreml.decoder.context is None
    assert load_recipe(small(to_yaml(recipe))) == recipe


@pytest.mark.parametrize(
    ("export", "message"),
    [
        ("{target: onnx, precisions: [fp32]}", "can't be exported to onnx; use onnxruntime or coreml"),
        (
            "{target: onnxruntime, precisions: [fp16]}",
            "onnxruntime has no fp16 for decoders; use one of fp32",
        ),
        ("{target: coreml, precisions: [palette6]}", "coreml has no palette6 for decoders"),
        (
            "{target: coreml, precisions: [fp16], decoder: {kv_cache: int8}}",
            "kv_cache and decoder.table_bits",
        ),
        ("{target: onnxruntime, precisions: [int4], decoder: {split_phases: true}}", "serves both phases"),
        ("{target: onnxruntime, precisions: [int4], decoder: {kv_cache: int4}}", "kv_cache"),
        ("{target: onnxruntime, precisions: [int4], block_size: 48}", "power of two"),
    ],
)
def test_what_decoders_do_not_have_is_told(small, export: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(small(DECODER + f"exports: [{export}]\n"))
    assert any(message in problem for problem in caught.value.problems)


def test_other_models_have_no_such_options(small) -> None:
    text = "name: x\ndata: {source: {path: a.csv}}\nteacher: {model: {path: t}}\n"
    with pytest.raises(RecipeError) as caught:
        load_recipe(small(text + "exports: [{target: onnx, precisions: [fp32], decoder: {context: 9}}]\n"))
    assert any("exports.decoder is for language models" in problem for problem in caught.value.problems)
