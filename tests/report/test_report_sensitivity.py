"""Mixed precision by weight: the picture of every target's artifact, and the words beside it."""

from __future__ import annotations

import dataclasses
import re

import pytest
import report_examples as examples

from edgekit.report import sensitivity
from edgekit.report.document import Report
from edgekit.report.markdown import report_markdown
from edgekit.report.render import report_html
from edgekit.report.results import ArtifactResult
from edgekit.types import LayerPrecision, Quantized

LAYER = "bert.encoder.layer.{}.{}.weight"
EFFECTS = {
    "bert.embeddings.word_embeddings.weight": {"int8": 1e-6, "int4": 3e-4},
    LAYER.format(0, "attention.self.query+key+value"): {"int8": 2e-5, "int4": 9e-3},
    LAYER.format(0, "attention.output.dense"): {"int8": 0.0, "int4": 2e-4},
    LAYER.format(1, "intermediate.dense"): {"int8": 8e-5, "int4": 4e-2},
}
TAKEN = dict(zip(EFFECTS, (("int4", 4), ("int8", 8), ("int4", 4), ("", 32)), strict=True))


def mixed(target: str) -> ArtifactResult:
    layers = [
        LayerPrecision(
            name, bits, "per_block", scheme=scheme, skipped_because="" if scheme else "too sensitive"
        )
        for name, (scheme, bits) in TAKEN.items()
    ]
    layers.append(LayerPrecision("classifier.weight", 32, "none", skipped_because="the output layer"))
    plan = Quantized("student", target, "mixed", tuple(layers), measured=EFFECTS)
    one = examples.artifacts()[1]
    named = dataclasses.replace(
        one.artifact, name=f"student-{target}-mixed", target=target, precision="mixed"
    )
    return dataclasses.replace(one, artifact=named, quantized=plan, timing=None)


@pytest.fixture
def report() -> Report:
    return examples.full(artifacts=[*examples.artifacts(), *map(mixed, ("onnx", "onnxruntime", "coreml"))])


def test_words_say_which_weights_were_kept_higher(report: Report) -> None:
    artifact = sensitivity.pictures(report)["sensitivity-2"]
    assert artifact.target == "onnxruntime"
    assert sensitivity.described(artifact) == (
        "Of 4 weights that could shrink, 2 are in 4 bits. Kept higher, by what they would cost there: "
        "layer 1 intermediate (fp32) and layer 0 attention.query+key+value (int8)."
    )


def test_every_mixed_artifact_has_a_picture_and_its_words(report: Report) -> None:
    page, text = report_html(report), report_markdown(report)
    for place in ("Core ML", "ONNX", "ONNX Runtime"):
        assert f"Mixed precision for {place}</h2>" in page and f"## Mixed precision for {place}\n" in text
    drawn = re.findall(r'<svg[^>]*aria-labelledby="sensitivity-[123]-(?:wide|narrow)-title', page)
    assert len(drawn) == 6
    for words in ("0 attention.query+key+value", "1 intermediate", "word_embeddings"):
        assert page.count(words) >= 3
    assert "classifier" not in page[page.index("Mixed precision for ONNX<") :].split("</section>")[0]


def test_a_report_without_mixed_files_has_no_such_section() -> None:
    assert "Mixed precision for" not in report_html(examples.full())


def test_of_many_weights_the_most_sensitive_are_drawn() -> None:
    effects = {LAYER.format(i, "output.dense"): {"int8": 1e-6 * (i + 1)} for i in range(50)}
    layers = tuple(LayerPrecision(name, 8, "per_channel", scheme="int8") for name in effects)
    plan = Quantized("student", "onnx", "mixed", layers, measured=effects)
    made = examples.full(artifacts=[dataclasses.replace(mixed("onnx"), quantized=plan)])
    page = report_html(made)
    assert "10 weights with smaller effects are not drawn" in page
    assert "49 output" in page and ">9 output" not in page
    assert "Of 50 weights that could shrink, 50 are in 8 bits." in page


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("model.layers.12.attn.Wqkv.weight", "12 attn.Wqkv"),
        ("bert.pooler.dense.weight", "pooler"),
        ("weight", "weight"),
    ],
)
def test_short_names(name: str, short: str) -> None:
    assert sensitivity.short(name) == short
