"""Image classifiers: preparing images, saving, published weights, students, and the twin for export."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from edgekit.errors import DataError, ModelError
from edgekit.files import read_json, write_json
from edgekit.models import families
from edgekit.models.cost import cost
from edgekit.models.front_ends import FILE, load_front_end
from edgekit.models.images.front_end import ImageFrontEnd
from edgekit.models.load import load_model, load_processor
from edgekit.models.save import save_model
from edgekit.models.student import make_student
from edgekit.recipe.schema import Student
from edgekit.types import Source
from tests.image_examples import BLOCKS, CLASSES, SIDE, published, stripes, tiny_model, tiny_network

TASK = "image-classification"


def loaded(path: Path, **settings):
    return load_model(Source("folder", "0" * 64, path), name="one", task=TASK, **settings)


def pixels(count: int = 2) -> torch.Tensor:
    front = ImageFrontEnd(SIDE, SIDE)
    rows = [front.pixels(Image.fromarray(stripes(CLASSES[i % 2], i))) for i in range(count)]
    return torch.from_numpy(np.stack(rows)).float()


def test_the_shorter_side_is_resized_as_pil_does_it_and_the_middle_is_cut_out() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 97, 3), dtype=np.uint8))
    found = ImageFrontEnd(16, 20).pixels(image)
    whole = np.asarray(image.resize((32, 20), Image.Resampling.BILINEAR))
    assert found.dtype == np.uint8
    assert (found == whole[2:18, 8:24].transpose(2, 0, 1)).all()


def test_an_image_of_the_right_size_keeps_its_values_and_grey_becomes_three_channels() -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    found = ImageFrontEnd(8, 8).pixels(Image.fromarray(grey))
    assert (found == grey[None]).all()
    assert found.shape == (3, 8, 8)


def test_a_photo_is_turned_as_its_exif_tag_says(tmp_path: Path) -> None:
    upright = np.zeros((8, 8, 3), np.uint8)
    upright[:4] = 200
    exif = Image.Exif()
    exif[0x0112] = 3  # by half a turn
    Image.fromarray(upright[::-1, ::-1]).save(tmp_path / "photo.png", exif=exif)
    [found] = ImageFrontEnd(8, 8)([str(tmp_path / "photo.png")])["pixel_values"]
    assert (found == upright.transpose(2, 0, 1)).all()


def test_a_data_uri_reads_as_the_file_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.fromarray(stripes("down", 3)).save(path)
    uri = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    file, held = ImageFrontEnd(SIDE, SIDE)([str(path), uri])["pixel_values"]
    assert (file == held).all()


@pytest.mark.parametrize("value", ["missing.png", "data:image/png;base64,bm8=", "data:image/png;base64,%"])
def test_what_is_no_image_is_refused(value: str) -> None:
    with pytest.raises(DataError, match=r"does not exist|can't be read as an image"):
        ImageFrontEnd(8, 8)([value])


def test_pairs_are_refused() -> None:
    with pytest.raises(DataError, match="not in pairs"):
        ImageFrontEnd(8, 8)(["a.png"], ["b.png"])


def test_a_saved_model_comes_back_with_its_front_end_and_its_answers(tmp_path: Path) -> None:
    model = tiny_model()
    folder = save_model(model, tmp_path / "model", provenance={})
    again = loaded(folder)
    assert again.processor == model.processor == load_processor(folder, uri="folder")
    assert again.signature == model.signature
    with torch.no_grad():
        assert torch.equal(again.module(pixels()).logits, model.module(pixels()).logits)


def test_a_finished_model_keeps_its_size_and_a_teacher_gets_the_recipes(tmp_path: Path) -> None:
    folder = save_model(tiny_model(), tmp_path / "model", provenance={})
    assert loaded(folder, max_length=64).processor.size == SIDE
    fresh = loaded(folder, max_length=64, labels=("a", "b", "c"), fresh_head=True)
    assert (fresh.processor.size, fresh.signature.labels) == (64, ("a", "b", "c"))
    assert fresh.signature.inputs[0].shape == ("batch", 3, 64, 64)
    with pytest.raises(ModelError, match="was trained for the classes across, down"):
        loaded(folder, labels=("a", "b", "c"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("resample", 3),
        ("do_normalize", True),
        ("crop_size", {"height": 8, "width": 9}),
        ("size", {"width": 9}),
    ],
)
def test_another_preparation_is_refused(tmp_path: Path, key: str, value: object) -> None:
    ImageFrontEnd(8, 9).save_pretrained(tmp_path)
    assert load_front_end(tmp_path, uri="x") == ImageFrontEnd(8, 9)
    write_json(tmp_path / FILE, {**read_json(tmp_path / FILE), key: value})
    with pytest.raises(ModelError, match="another preparation"):
        load_front_end(tmp_path, uri="x")


def test_published_weights_get_a_fresh_classifier(tmp_path: Path) -> None:
    path = tmp_path / "lite0.pth"
    theirs = published(path)
    model = loaded(path, labels=CLASSES, max_length=32, fresh_head=True, dropout=0.5)
    assert (model.processor, model.signature.labels) == (ImageFrontEnd(32, 32), CLASSES)
    assert model.module.dropout.p == 0.5
    x = torch.rand(1, 3, 32, 32) * 255
    with torch.no_grad():
        assert torch.equal(model.module.network(x), theirs.network(x))
    with pytest.raises(ModelError, match="without labels"):
        loaded(path, labels=CLASSES)


def test_other_tensors_are_refused(tmp_path: Path) -> None:
    torch.save({"_conv_stem.weight": torch.zeros(1)}, tmp_path / "some.pth")
    with pytest.raises(ModelError, match="no EfficientNet-Lite0"):
        loaded(tmp_path / "some.pth", labels=CLASSES, fresh_head=True)


def test_the_smallest_student_keeps_the_blocks_that_change_shape() -> None:
    parent = tiny_model()
    # A residual block whose last normalisation gives 0 adds nothing: leaving it out changes nothing.
    with torch.no_grad():
        for i in (1, 3):
            norm = parent.module.network.blocks[i].project.norm
            norm.weight.zero_()
            norm.bias.zero_()
    student = make_student(parent, Student(layers=2), name="student")
    assert [tuple(b) for b in student.module.config.blocks] == [BLOCKS[0], BLOCKS[2]]
    with torch.no_grad():
        assert torch.equal(student.module(pixels()).logits, parent.module(pixels()).logits)


def test_features_of_the_largest_scale_stay() -> None:
    parent = tiny_model()
    student = make_student(parent, Student(layers=4, hidden_size=5), name="student")
    scale = parent.module.network.top.norm.weight
    kept = scale.topk(5).indices.sort().values
    assert torch.equal(student.module.classifier.weight, parent.module.classifier.weight[:, kept])
    assert torch.equal(
        student.module.network.top.norm.running_var, parent.module.network.top.norm.running_var[kept]
    )
    with torch.no_grad():
        assert torch.allclose(student.module.network(pixels()), parent.module.network(pixels())[:, kept])


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (Student(layers=1), "2 to 4 blocks"),
        (Student(layers=5), "2 to 4 blocks"),
        (Student(layers=2, select=(0, 1)), r"\[0, 2\] must stay"),
        (Student(layers=2, hidden_size=193), "192 features"),
    ],
)
def test_a_student_that_can_not_be_is_refused(shape: Student, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        make_student(tiny_model(), shape, name="student")


def test_listed_blocks_stay() -> None:
    student = make_student(tiny_model(), Student(layers=3, select=(0, 2, 3)), name="student")
    assert [tuple(b) for b in student.module.config.blocks] == [BLOCKS[0], BLOCKS[2], BLOCKS[3]]


def test_the_twin_for_export_answers_alike() -> None:
    module = tiny_network()
    twin = families.export_module(module, task=TASK)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in twin.modules())
    with torch.no_grad():
        assert torch.allclose(twin(pixels(4)), module(pixels(4)).logits, atol=1e-5)


def test_padding_is_tensorflows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an even image a convolution of stride 2 reads one more row below, and none above."""
    stem = tiny_network().network.stem
    with torch.no_grad():
        stem.conv.weight.zero_()
        stem.conv.weight[0, 0, 0, 0] = 1.0
        x = torch.arange(16.0).view(1, 1, 4, 4).expand(1, 3, 4, 4)
        stem.norm = torch.nn.Identity()
        assert stem(x)[0, 0].tolist() == [[0.0, 2.0], [6.0, 6.0]]  # 8 and 10, cut off by ReLU6


def test_the_cost_of_an_image_is_counted() -> None:
    found = cost(tiny_model(), length=1)
    assert found.flops > 100_000
    assert "an image" in str(found)
