"""Web kits for images in Node: Python's pixels to the last bit, and its answers."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import onnxruntime
import pytest
from image_kits import EDGE, LABELS, image_files, image_kit, image_onnx
from PIL import Image
from tiny_kits import passed
from web_kits import node, node_modules, tsc

from edgekit.errors import ExportError, GateFailed
from edgekit.kits.images import ImageInput
from edgekit.kits.onnx_model import require_image_onnx
from edgekit.models.images.front_end import ImageFrontEnd
from edgekit.stages.bundling import bundle
from edgekit.stages.devices import read_result
from edgekit.stages.image_bundling import LONGEST, MOST, image_answers
from edgekit.types import Artifact
from tests.image_examples import SIDE

SCHEMA = Path(__file__).parents[2] / "docs" / "device-result.schema.json"
CONSUMER = ("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom")


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return image_onnx(tmp_path_factory.mktemp("onnx"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return image_files(tmp_path_factory.mktemp("images") / "files")


@pytest.fixture(scope="module")
def kit(artifact: Artifact, images: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_kit(artifact, images, tmp_path_factory.mktemp("web") / "kit").path


@pytest.fixture(scope="module")
def installed(kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    node_modules()
    copy = shutil.copytree(kit, tmp_path_factory.mktemp("installed") / "kit")
    (copy / "node_modules").symlink_to(node_modules())
    return copy


def test_a_kit_passes_its_own_tests(installed: Path) -> None:
    code, printed = node(installed, "--test", "test/images.test.mjs")
    assert code == 0 and "# pass 6" in printed, printed
    worst = [float(line.split(": ")[1]) for line in printed.splitlines() if "largest difference" in line]
    assert len(worst) == 2 and max(worst) < 1e-4


def test_a_kit_that_prepares_or_answers_otherwise_fails_its_tests(installed: Path, tmp_path: Path) -> None:
    kit = shutil.copytree(installed, tmp_path / "kit", symlinks=True)
    prepare, samples = kit / "js/images/prepare.js", kit / "test/samples.json"
    text = prepare.read_text()
    assert text.count("32 - 8 - 2") == 1
    prepare.write_text(text.replace("32 - 8 - 2", "32 - 8 - 14"))  # weights of 10 bits
    told = json.loads(samples.read_text())
    told["samples"][0]["output"][0] += 0.5
    samples.write_text(json.dumps(told))
    code, printed = node(kit, "--test", "test/images.test.mjs")
    assert code != 0 and "# fail 3" in printed, printed  # pixels, outputs, answers


def test_the_benchmark_writes_a_result_that_can_be_imported(
    installed: Path, artifact: Artifact, images: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "result.json"
    words = ("--threads", "1,2", "--seconds", "0.1", "--warmup", "2", "--out", str(out))
    code, printed = node(installed, "bench.mjs", *words)
    assert code == 0, printed
    jsonschema.validate(json.loads(out.read_text()), json.loads(SCHEMA.read_text()))
    result = read_result(out)
    assert (result.artifact.sha256, result.artifact.task) == (artifact.sha256, "image-classification")
    assert [row.threads for row in result.rows] == [1, 2]
    for row in result.rows:
        assert row.texts == len(images) and row.runs % row.texts == 0 and row.not_measured == ""
        assert row.p50_ms and row.p90_ms and row.p99_ms and row.p50_ms <= row.p90_ms <= row.p99_ms
        assert row.end_to_end_p50_ms and row.answers
        assert row.answers.label_agreement == 1 and (row.answers.max_abs_error or 0) < 1e-4


def test_an_app_gets_what_python_gets_of_an_image_of_any_size(
    installed: Path, artifact: Artifact, tmp_path: Path
) -> None:
    (installed / "ask.mjs").write_text(
        'import { readFileSync } from "node:fs";\n'
        'import { ImageClassifier } from "tiny";\n'
        "const { files } = JSON.parse(readFileSync(0));\n"
        "const classifier = await ImageClassifier.load({ threads: 1 });\n"
        "const made = [];\n"
        "for (const { data, width, height } of files) {\n"
        '  const image = { data: new Uint8ClampedArray(Buffer.from(data, "base64")), width, height };\n'
        "  made.push(await classifier.classify(image));\n"
        "}\n"
        "console.log(JSON.stringify(made));\n"
    )
    random, front = np.random.default_rng(1), ImageFrontEnd(SIDE, EDGE)
    session, files, expected = onnxruntime.InferenceSession(str(artifact.path)), [], []
    for width, height in ((640, 360), (1, 90), (25, 24), (303, 777)):
        coarse = Image.fromarray(random.integers(0, 256, (6, 6, 4), dtype=np.uint8), "RGBA")
        image = coarse.resize((width, height))
        told = {"data": base64.b64encode(image.tobytes()).decode(), "width": width, "height": height}
        files.append(told)
        pixels = front.pixels(image)[None].astype(np.float32)
        (logits,) = session.run(None, {"pixel_values": pixels})
        powers = np.exp(logits[0] - logits[0].max())
        expected.append(dict(zip(LABELS, powers / powers.sum(), strict=True)))
    code, printed = node(installed, "ask.mjs", given=json.dumps({"files": files}))
    assert code == 0, printed
    for found, right in zip(json.loads(printed), expected, strict=True):
        assert found == pytest.approx(right, abs=1e-4)


def test_the_types_tell_an_image_from_a_text(installed: Path) -> None:
    (installed / "use.ts").write_text(
        'import { ImageClassifier, type Label } from "tiny";\n'
        "const classifier = await ImageClassifier.load();\n"
        "export const ask = (image: ImageBitmap | ImageData | HTMLImageElement): "
        "Promise<Record<Label, number>> => classifier.classify(image);\n"
        "await classifier.top({ data: new Uint8Array(12), width: 2, height: 2 }, 2);\n"
        "// @ts-expect-error a text is no image\n"
        'await classifier.classify("a film");\n'
        "// @ts-expect-error it is no label\n"
        'export const other: Label = "no such label";\n',
        encoding="utf-8",
    )
    code, printed = tsc(installed, *CONSUMER, "use.ts")
    assert code == 0, printed[:2000]


def test_the_kit_says_what_it_is_and_carries_nothing_for_texts(kit: Path, artifact: Artifact) -> None:
    manifest = json.loads((kit / "manifest.json").read_text())
    assert manifest["image"] == {"size": SIDE, "shortest_edge": EDGE} and "tokenizer" not in manifest
    assert manifest["model"]["sha256"] == artifact.sha256 and manifest["model"]["labels"] == list(LABELS)
    files = {path.relative_to(kit).as_posix() for path in kit.rglob("*.*")}
    assert not {n for n in files if "token" in n or "generat" in n or n.endswith("js/engine.js")} - {
        "js/images/engine.js"
    }
    package = json.loads((kit / "package.json").read_text())
    assert set(package["exports"]) == {".", "./benchmark", "./model/*", "./package.json"}
    told = (kit / "README.md").read_text()
    assert "classifier.classify(image)" in told and "images by a runner" in told and "tokens" not in told
    assert "node bench.mjs" in told


def test_samples_are_small_and_answered_as_they_are(
    artifact: Artifact, images: list[str], tmp_path: Path
) -> None:
    large = tmp_path / "large.png"
    Image.new("RGB", (1200, 300), (9, 99, 199)).save(large)
    first, *rest = image_answers(artifact, [str(large), *images])
    assert (first.width, first.height) == (LONGEST, LONGEST // 4) and len(rest) == len(images)
    image = Image.frombytes("RGB", (first.width, first.height), first.rgb)
    pixels = ImageFrontEnd(SIDE, EDGE).pixels(image)[None].astype(np.float32)
    (logits,) = onnxruntime.InferenceSession(str(artifact.path)).run(None, {"pixel_values": pixels})
    assert first.output == pytest.approx(logits[0].tolist(), abs=1e-4)


def test_without_images_random_ones_are_answered(artifact: Artifact) -> None:
    made = image_answers(artifact, [])
    assert 4 <= len(made) <= MOST and len({tuple(one.output) for one in made}) == len(made)


def test_what_has_no_kit_is_refused(artifact: Artifact, images: list[str], tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="does not take one float32 image of 3 x 32 x 32"):
        require_image_onnx(artifact, ImageInput(32, 32), kit="a kit")
    text = replace(artifact, signature=replace(artifact.signature, task="text-classification"))
    with pytest.raises(ExportError, match="carries an image classifier as ONNX"):
        require_image_onnx(text, ImageInput(SIDE, EDGE), kit="a kit")
    with pytest.raises(ExportError, match="a kit for swift carries coreml"):
        image_kit(artifact, images, tmp_path / "kit", platform="swift")
    unlike = replace(artifact, name="other")
    never_run = replace(passed(unlike), executed=False)
    with pytest.raises(GateFailed, match="was never run"):
        bundle(unlike, never_run, tmp_path / "kit", platform="web", name="n", texts=images, licences={})
    with pytest.raises(ExportError, match="ONNX Runtime's own format"):
        bundle(
            artifact,
            passed(artifact),
            tmp_path / "kit",
            platform="android",
            name="n",
            texts=images,
            licences={},
            ort=True,
        )
