"""Losses and caches take an image as a sequence of one; the baseline of images sees their pixels."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from edgekit.distill.collate import Collator
from edgekit.distill.device import autocast, place
from edgekit.distill.fingerprint import answers_key, tokenizer_key
from edgekit.distill.knowledge import Needs
from edgekit.distill.linear import linear_predictions
from edgekit.distill.preflight import check_rows, check_steady
from edgekit.distill.see import see, shape_of
from edgekit.distill.teacher import ask
from edgekit.models.images.front_end import ImageFrontEnd
from edgekit.tasks import get_task
from tests.image_examples import CLASSES, SIDE, stripes, tiny_model

TASK = get_task("image-classification")


def rows(count: int = 10) -> list[dict[str, np.ndarray]]:
    front = ImageFrontEnd(SIDE, SIDE)
    return [{"pixel_values": front.pixels(Image.fromarray(stripes(CLASSES[i % 2], i)))} for i in range(count)]


def collator(model, given) -> Collator:
    labels = [i % 2 for i in range(len(given))]
    return Collator(given, labels, TASK, signature=model.signature, pad_id=0, device="cpu")


def test_a_batch_of_images_is_raw_pixels_and_one_real_token_a_row() -> None:
    given = rows(3)
    batch = collator(tiny_model(), given)([2, 0])
    assert batch.inputs["pixel_values"].dtype == torch.float32
    assert (batch.inputs["pixel_values"][0].numpy() == given[2]["pixel_values"]).all()
    assert batch.mask.tolist() == [[1], [1]]
    assert batch.labels.tolist() == [0, 0]


def test_features_stand_as_hidden_states() -> None:
    model = tiny_model()
    batch = collator(model, rows(4))([0, 1, 2, 3])
    seen = see(model.module, batch.inputs, Needs(hidden=frozenset({1})))
    shape = shape_of(model.module, classes=2)
    assert (shape.layers, shape.width, shape.heads) == (1, 192, None)
    with torch.no_grad():
        features = model.module.network(batch.inputs["pixel_values"])
    assert torch.allclose(seen.hidden[1], features[:, None], atol=1e-5)


def test_a_cached_teacher_answers_as_the_live_one(tmp_path) -> None:
    model, given = tiny_model(), rows(10)
    make = collator(model, given)
    check_rows(given, model)
    check_steady(model.module, make.inputs(range(4)))
    settings = {
        "collate": make.inputs,
        "needs": Needs(hidden=frozenset({1})),
        "autocast": autocast(place("cpu", "fp32")),
        "folder": tmp_path,
        "key": "k",
    }
    live = ask(model.module, given, limit_bytes=0, **settings)
    cached = ask(model.module, given, limit_bytes=10**9, **settings)
    batch = make([7, 1, 4])
    assert type(live) is not type(cached)
    assert torch.allclose(live(batch).logits, cached(batch).logits, atol=1e-5)
    assert cached(batch).hidden[1].shape == (3, 1, 192)
    assert torch.allclose(live(batch).hidden[1], cached(batch).hidden[1], rtol=1e-2, atol=1e-3)


def test_answers_are_known_by_every_pixel(tmp_path) -> None:
    model, given = tiny_model(), rows(4)
    settings = {"needs": Needs(), "autocast": autocast(place("cpu", "fp32")), "top_k": None, "key": "k"}
    before = answers_key(model.module, given, order=[[0]], **settings)
    given[3] = {"pixel_values": given[3]["pixel_values"].copy()}
    given[3]["pixel_values"][2, 5, 5] ^= 1
    assert answers_key(model.module, given, order=[[0]], **settings) != before
    ImageFrontEnd(8, 8).save_pretrained(tmp_path)
    one = tokenizer_key(tmp_path)
    ImageFrontEnd(8, 9).save_pretrained(tmp_path)
    assert tokenizer_key(tmp_path) != one


def test_plain_features_tell_bright_images_from_dark_ones() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 60)
    images = (random.integers(0, 120, (60, 36)) + 60 * labels[:, None]).astype(np.float32)
    found = linear_predictions(images[:40], labels[:40].tolist(), images[40:], seed=0)
    assert (found == labels[40:]).mean() > 0.9
