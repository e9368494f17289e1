"""SmolLM2-135M at 4 bits in a kit: Node and the JVM write on exactly as Python's runner does, and chat.

The model is the one of `recipes/smollm2-edge.yaml`; without it at hand the tests are skipped.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from generator_kits import passed
from kotlin_kits import make_jvm
from test_kits_web_generator import TEST, ready
from web_kits import node

from edgekit.assets import fetch
from edgekit.errors import AssetError
from edgekit.export.onnx_decoder import export_onnx_decoder
from edgekit.kits.android import write_android_generator
from edgekit.kits.generation.parts import GeneratorParts
from edgekit.models.decoders.load import load_decoder
from edgekit.recipe.load import load_recipe
from edgekit.stages.decoder_bundling import PROMPTS, generator_parts

RECIPE = Path(__file__).parents[2] / "recipes" / "smollm2-edge.yaml"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> GeneratorParts:
    try:
        path = fetch(load_recipe(RECIPE).teacher.model, kind="model", offline=True).path
    except AssetError as why:
        pytest.skip(f"SmolLM2 is not at hand: {why.fact}")
    loaded = load_decoder(path)
    artifact = export_onnx_decoder(
        loaded.decoder,
        tmp_path_factory.mktemp("smollm2") / "onnxruntime",
        name="smollm2",
        precision="int4",
        processor=loaded.processor,
        stop_ids=loaded.stop_ids,
    )
    return generator_parts(artifact, passed(artifact), name="tiny talk")


@pytest.mark.slow
def test_node_writes_as_python_does(parts: GeneratorParts, tmp_path: Path) -> None:
    code, printed = node(ready(parts, tmp_path / "kit"), *TEST)
    assert code == 0 and f"as in Python: {len(PROMPTS) + 1} of {len(PROMPTS) + 1}" in printed, printed


@pytest.mark.kits
def test_the_jvm_writes_as_python_does(parts: GeneratorParts, tmp_path: Path) -> None:
    module = write_android_generator(parts, tmp_path / "kit").path / "tiny-talk"
    jvm = make_jvm(tmp_path)
    jvm.compile(sorted(module.glob("src/*/kotlin")), tmp_path / "kit.jar")
    code, printed = jvm.junit(tmp_path / "kit.jar", module, "edgekit.tinytalk.GeneratorTest")
    assert code == 0 and f"as in Python: {len(PROMPTS) + 1} of {len(PROMPTS) + 1}" in printed, printed
