"""Swift packages for images: what they are made of; with a compiler, Python's pixels and recorded answers.

Building needs Swift on PATH or `make swift-toolchain`; skipped with the reason otherwise.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from image_kits import EDGE, LABELS, image_coreml, image_files, image_kit
from PIL import Image
from swift_kits import FLAGS, require_swift, swift, with_labels
from tiny_kits import passed

from edgekit.errors import ExportError
from edgekit.kits.images import ImageAnswer, ImageInput
from edgekit.kits.images.golden import SIZES
from edgekit.kits.swift import write_swift_images
from edgekit.kits.swift.interface import read_interface
from edgekit.models.images.front_end import ImageFrontEnd
from edgekit.types import Artifact
from tests.image_examples import SIDE

SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
HOSTILE = (
    'a "quote"', "\\(fatalError())", "line\nend\r\n", "\u202eright\u2066", "class", "self", "", " ", "*/ //",
    "5 stars", "5-stars", "ﬁ", "正面", "🙂", "allCases", "rawValue", "\u0301", "x" * 5000,
)  # fmt: skip


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return image_coreml(tmp_path_factory.mktemp("coreml"))


@pytest.fixture(scope="module")
def kit(artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swift")
    images = image_files(folder / "files")
    return image_kit(artifact, images, folder / "kit", name="Stripes 2", platform="swift").path


def test_the_package_holds_what_images_need_and_nothing_for_texts(kit: Path, artifact: Artifact) -> None:
    names = {path.stem for path in kit.rglob("*.swift")}
    assert {"ImageClassifier", "Prepare", "CoreGraphicsImage", "ImageGoldenTests", "LabelTests"} <= names
    assert not {n for n in names if "Token" in n or "Text" in n or "Generat" in n} and "Hex" not in names
    package = (kit / "Package.swift").read_text()
    assert 'resources: [.copy("Model.mlpackage")]' in package and '.iOS("17.0")' in package
    info = (kit / "Sources/Stripes2/KitInfo.swift").read_text()
    assert (
        f"static let imageSize: Int = {SIDE}\n" in info and f"static let shortestEdge: Int = {EDGE}\n" in info
    )
    assert "extension ImageClassifier {" in (kit / "Sources/Stripes2/Label.swift").read_text()
    manifest = json.loads((kit / "manifest.json").read_text())
    assert manifest["image"] == {"size": SIDE, "shortest_edge": EDGE} and "tokenizer" not in manifest
    assert manifest["model"]["sha256"] == artifact.sha256 and manifest["model"]["labels"] == list(LABELS)
    told = (kit / "README.md").read_text()
    assert "classifier.classify(image)" in told and "images by a runner" in told and "tokens" not in told


def test_an_answer_is_found_by_the_numbers_that_the_model_reads(kit: Path) -> None:
    told = json.loads((kit / "Sources/Stripes2Benchmark/samples.json").read_text())
    assert told["model"]["inputs"] == ["pixel_values"] and told["model"]["lengths"] == []
    keys = []
    for name, sample in zip(sorted(kit.parent.glob("files/*/*.png")), told["samples"], strict=True):
        pixels = ImageFrontEnd(SIDE, EDGE).pixels(Image.open(name)).astype("<f4")
        key = {"shape": [1, 3, SIDE, SIDE], "adler32": zlib.adler32(pixels.tobytes())}
        assert sample["tensors"] == {"pixel_values": key}
        assert sum(sample["output"]) == pytest.approx(1, abs=1e-3)
        keys.append(key["adler32"])
    assert len(set(keys)) == len(keys) > 1


def test_what_swift_can_not_serve_is_refused(artifact: Artifact, tmp_path: Path) -> None:
    assert read_interface(artifact.path).lengths == ()
    given = ImageInput(SIDE, EDGE)
    pixels = bytes(3 * SIDE * SIDE)
    answers = [ImageAnswer(1, 1, b"rgb", pixels, (0.5, 0.5))]

    def write(one: Artifact, given: ImageInput = given) -> None:
        write_swift_images(
            one, passed(one), given, tmp_path / "kit", name="n", golden=[], answers=answers, licences={}
        )

    with pytest.raises(ExportError, match="carries Core ML"):
        write(replace(artifact, target="onnx"))
    with pytest.raises(ExportError, match="no Swift package for text-classification"):
        write(replace(artifact, signature=replace(artifact.signature, task="text-classification")))
    with pytest.raises(ExportError, match="same text to Swift"):
        write(with_labels(artifact, ("é", "e\u0301")))
    with pytest.raises(ExportError, match="does not take one float32 image of 3 x 32 x 32"):
        write(artifact, ImageInput(32, 32))
    with pytest.raises(ExportError, match="needs images to be tested with"):
        write(artifact)
    assert not (tmp_path / "kit").exists()


@pytest.mark.kits
@pytest.mark.slow
def test_a_package_with_hostile_labels_builds_gives_pythons_pixels_and_measures(tmp_path: Path) -> None:
    require_swift()
    artifact = image_coreml(tmp_path / "coreml", labels=HOSTILE)
    images = image_files(tmp_path / "files")
    made = image_kit(artifact, images, tmp_path / "kit", name="hostile ${x}", platform="swift")
    kit = made.path
    # Without the tests: what SwiftPM itself generates for them off a Mac is no Swift 6.
    swift(kit, f"swift build {FLAGS} -Xswiftc -swift-version -Xswiftc 6")
    printed = swift(kit, f"swift test {FLAGS}")
    assert "with 0 failures" in printed and f"pixels: {3 * len(SIZES)} golden images compared" in printed

    swift(
        kit,
        "export EDGEKIT_RECORDED_ANSWERS=$PWD/Sources/HostileXBenchmark/samples.json && "
        "swift run --skip-build edgekit-bench --seconds 0.05 --warmup 1 --units all,cpuOnly",
    )
    result = json.loads((kit / "result.json").read_text())
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    assert result["artifact"]["sha256"] == artifact.sha256
    assert result["artifact"]["task"] == "image-classification"
    assert [row["compute_units"] for row in result["rows"]] == ["all", "cpuOnly"]
    for row in result["rows"]:
        assert row["texts"] == len(images) and row["runs"] >= row["texts"] and row["not_measured"] == ""
        assert 0 < row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"]
        assert row["answers"] == {"samples": len(images), "max_abs_error": 0, "label_agreement": 1}

    # Weights of 10 bits: the golden pixels differ, and no answer is known to what the model is given.
    source = kit / "Sources/HostileX/Images/Prepare.swift"
    text = source.read_text()
    assert text.count("32 - 8 - 2") == 1
    source.write_text(text.replace("32 - 8 - 2", "32 - 8 - 14"))
    printed = swift(kit, f"swift test {FLAGS} || true")
    assert "testEveryGoldenImageGetsTheOriginalsPixels' failed" in printed
    assert "no answer was recorded" in printed and "testProbabilitiesBelongToTheirLabels' failed" in printed
