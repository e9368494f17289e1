"""Sounds: what prepares them, the spectrogram against transformers', the network and its students."""

from __future__ import annotations

import base64
import builtins
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from edgekit.errors import DataError, MissingExtra, ModelError
from edgekit.files import read_json, write_json
from edgekit.models import families
from edgekit.models.audio.decode import read_sound
from edgekit.models.audio.front_end import AudioFrontEnd
from edgekit.models.audio.log_mel import FLOOR, PREEMPHASIS, SCALE, LogMel
from edgekit.models.cost import cost
from edgekit.models.front_ends import FILE, load_front_end
from edgekit.models.load import load_model, load_processor
from edgekit.models.save import save_model
from edgekit.models.student import make_student
from edgekit.recipe.schema import Student
from edgekit.types import Source
from tests.audio_examples import CLASSES, RATE, SAMPLES, TASK, sweep, tiny_model, tiny_network, write_wav
from tests.image_examples import BLOCKS, published


def loaded(path: Path, **settings):
    return load_model(Source("folder", "0" * 64, path), name="one", task=TASK, **settings)


def sounds(count: int = 2) -> torch.Tensor:
    return torch.from_numpy(np.stack([sweep(CLASSES[i % 2], i) for i in range(count)]))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_integers_of_every_width_are_divided_by_their_range(tmp_path: Path, width: int) -> None:
    step = 2.0 ** (1 - 8 * width)
    values = np.array([[-1.0, -0.5, 0.0, step, 1 - step], [0.25, -step, 0.5, -1.0, 0.0]])
    found, rate = read_sound(str(write_wav(tmp_path / "a.wav", values, rate=11_025, width=width)))
    assert (rate, found.dtype) == (11_025, np.float32)
    assert (found == values.astype(np.float32)).all()


def test_a_data_uri_reads_as_the_file_it_holds_and_a_cut_off_frame_is_left_out(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "one.wav", np.zeros((2, 6)) + 0.5)
    body = path.read_bytes()
    uri = "data:audio/x-wav;base64," + base64.b64encode(body).decode()
    assert (read_sound(uri)[0] == read_sound(str(path))[0]).all()
    path.write_bytes(body[:-3])
    assert read_sound(str(path))[0].shape == (2, 5)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_sound(str(tmp_path / "missing.wav"))
    with pytest.raises(DataError, match="can't be read"):
        read_sound("data:audio/x-wav;base64,%")
    (tmp_path / "torn.wav").write_bytes(b"RIFF\x10\0\0\0WAVEfmt ")
    with pytest.raises(DataError, match="can't be read as sound"):
        read_sound(str(tmp_path / "torn.wav"))
    with pytest.raises(DataError, match="holds no sound"):
        read_sound(str(write_wav(tmp_path / "empty.wav", np.zeros(0))))


def test_other_formats_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest):
        if name == "soundfile":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    (tmp_path / "a.flac").write_bytes(b"fLaC")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, 8_000, 32_000, 4, 32)  # 3: floats
    body = b"WAVE" + form + struct.pack("<4sI2f", b"data", 8, 0.5, -0.25)
    (tmp_path / "floats.wav").write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)
    for name in ("a.flac", "floats.wav"):
        with pytest.raises(MissingExtra, match="soundfile"):
            read_sound(str(tmp_path / name))


def test_floats_and_flac_are_read_by_libsndfile(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    values = np.array([0.5, -0.25, 0.125], np.float32)
    soundfile.write(tmp_path / "a.wav", values, 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "a.flac", values, 8000)
    assert all((read_sound(str(tmp_path / f"a.{kind}"))[0] == values).all() for kind in ("wav", "flac"))
    (tmp_path / "b.flac").write_bytes(b"fLaC")
    with pytest.raises(DataError, match="can't be read as sound"):
        read_sound(str(tmp_path / "b.flac"))


def test_channels_are_averaged_and_the_middle_is_kept() -> None:
    pcm = np.stack([np.arange(8), np.zeros(8)]).astype(np.float32)
    found = AudioFrontEnd(RATE, 3).waveform(pcm, RATE)
    assert found.dtype == np.float32
    assert found.tolist() == [1.0, 1.5, 2.0]  # of 0 … 3.5 the values 2, 3 and 4: two before, three behind


def test_a_short_sound_stands_between_zeros() -> None:
    found = AudioFrontEnd(RATE, 6).waveform(np.ones((1, 3), np.float32), RATE)
    assert found.tolist() == [0, 1, 1, 1, 0, 0]


def test_another_rate_is_resampled() -> None:
    """A tone at 44.1 kHz is the same tone at 8 kHz, and what 8 kHz can't hold is gone."""
    time = np.arange(44_100) / 44_100
    low, high = (np.sin(2 * np.pi * pitch * time).astype(np.float32)[None] for pitch in (440, 6000))
    front = AudioFrontEnd(RATE, RATE)
    expected = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    inside = slice(100, -100)  # the filter's ends see zeros
    assert np.abs(front.waveform(low, 44_100) - expected)[inside].max() < 2e-3
    assert np.abs(front.waveform(high, 44_100))[inside].max() < 2e-3


def test_pairs_are_refused() -> None:
    with pytest.raises(DataError, match="not in pairs"):
        AudioFrontEnd(8, 8)(["a.wav"], ["b.wav"])


@pytest.mark.parametrize(("rate", "samples"), [(8_000, 4_000), (16_000, 8_123), (22_050, 9_000)])
def test_the_spectrogram_is_transformers(rate: int, samples: int) -> None:
    """As `ASTFeatureExtractor` calls it, at another floor and scale."""
    x = np.random.default_rng(0).normal(0.02, 0.1, samples).astype(np.float32)
    module = LogMel(rate, samples, 40)
    size, fft = 5 * module.block, 2 * (module.bins - 1)
    window = window_function(size, "hann", periodic=False)
    scale = 2 * np.log(window.sum() / SCALE)
    shape = {"norm": None, "mel_scale": "kaldi", "triangularize_in_mel_space": True}
    expected = spectrogram(
        x.astype(np.float64),
        window,
        frame_length=size,
        hop_length=2 * module.block,
        fft_length=fft,
        power=2.0,
        center=False,
        preemphasis=PREEMPHASIS,
        remove_dc_offset=True,
        mel_filters=mel_filter_bank(fft // 2 + 1, 40, 20, rate / 2, rate, **shape),
        log_mel="log",
        mel_floor=FLOOR * np.exp(scale),
    )
    found = module(torch.from_numpy(x)[None])
    assert found.shape == (1, 1, *expected.shape)
    assert np.abs(found[0, 0].numpy() - (expected - scale)).max() < 1e-4


def test_no_power_leaves_half_precision() -> None:
    """A signal of full scale with the signs of a row of the matrix is the most that the row can give."""
    for rate in (8_000, 16_000, 44_100):
        module = LogMel(rate, rate, 64)
        largest = module.transform.abs().sum((1, 2)).max()
        assert largest.square() < 39_000
        signs = module.transform[module.transform.abs().sum((1, 2)).argmax()].T.reshape(-1).sign()
        x = signs.repeat(-(-rate // len(signs)))[:rate]
        assert module(x[None]).exp().max() < 37_000


def test_silence_is_the_floor() -> None:
    assert LogMel(RATE, SAMPLES, 8)(torch.zeros(1, SAMPLES)).unique().tolist() == pytest.approx(
        [np.log(FLOOR)]
    )


def test_a_saved_model_comes_back_with_its_front_end_and_its_answers(tmp_path: Path) -> None:
    model = tiny_model()
    folder = save_model(model, tmp_path / "model", provenance={})
    again = loaded(folder, max_length=9_999, sampling_rate=44_100)  # a finished model has its own
    assert again.processor == model.processor == load_processor(folder, uri="folder")
    assert again.signature == model.signature
    with torch.no_grad():
        assert torch.equal(again.module(sounds()).logits, model.module(sounds()).logits)
    assert not [key for key in model.module.state_dict() if "front_end" in key]


def test_a_new_teacher_gets_the_recipes_rate_and_length(tmp_path: Path) -> None:
    folder = save_model(tiny_model(), tmp_path / "model", provenance={})
    fresh = loaded(folder, max_length=8_000, sampling_rate=16_000, labels=("a", "b", "c"), fresh_head=True)
    assert fresh.processor == AudioFrontEnd(16_000, 8_000)
    assert (fresh.signature.inputs[0].shape, fresh.signature.labels) == (("batch", 8_000), ("a", "b", "c"))
    assert fresh.module(torch.zeros(1, 8_000)).logits.shape == (1, 3)
    with pytest.raises(ModelError, match="was trained for the classes falling, rising"):
        loaded(folder, labels=("a", "b", "c"))


@pytest.mark.parametrize(
    ("key", "value"),
    [("do_normalize", True), ("samples", None), ("sampling_rate", 0), ("feature_extractor_type", "AST")],
)
def test_another_preparation_is_refused(tmp_path: Path, key: str, value: object) -> None:
    AudioFrontEnd(8, 9).save_pretrained(tmp_path)
    assert load_front_end(tmp_path, uri="x") == AudioFrontEnd(8, 9)
    write_json(tmp_path / FILE, {**read_json(tmp_path / FILE), key: value})
    with pytest.raises(ModelError, match="another preparation"):
        load_front_end(tmp_path, uri="x")


def test_transformers_reads_the_same_file_and_passes_samples_on(tmp_path: Path) -> None:
    AudioFrontEnd(RATE, SAMPLES).save_pretrained(tmp_path)
    theirs = AutoFeatureExtractor.from_pretrained(tmp_path)
    x = sweep("rising", 0)
    assert (theirs(x, sampling_rate=RATE)["input_values"][0] == x).all()
    with pytest.raises(ValueError, match="sampling rate"):
        theirs(x, sampling_rate=16_000)


def test_weights_of_images_hear_one_channel_as_if_it_were_three(tmp_path: Path) -> None:
    theirs = published(tmp_path / "lite0.pth")
    model = loaded(
        tmp_path / "lite0.pth", labels=CLASSES, max_length=2_000, sampling_rate=RATE, fresh_head=True
    )
    assert model.processor == AudioFrontEnd(RATE, 2_000)
    assert model.module.network.stem.conv.weight.shape[1] == 1
    image = model.module.front_end(sounds()[:, :2_000])
    (mean,), (std,) = model.module.config.image_mean, model.module.config.image_std
    three = ((image - mean) / std * 128 + 127).expand(-1, 3, -1, -1)
    with torch.no_grad():
        assert torch.allclose(model.module.network(image), theirs.network(three), atol=1e-4)


def test_a_student_keeps_the_spectrogram() -> None:
    parent = tiny_model()
    student = make_student(parent, Student(layers=2, hidden_size=100), name="student")
    assert [tuple(b) for b in student.module.config.blocks] == [BLOCKS[0], BLOCKS[2]]
    assert torch.equal(student.module.front_end(sounds()), parent.module.front_end(sounds()))
    assert student.module(sounds()).logits.shape == (2, 2)


def test_the_twin_for_export_answers_alike() -> None:
    module = tiny_network()
    twin = families.export_module(module, task=TASK)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in twin.modules())
    with torch.no_grad():
        assert torch.allclose(twin(sounds(4)), module(sounds(4)).logits, atol=1e-5)


def test_the_cost_of_a_sound_is_counted() -> None:
    found = cost(tiny_model(), length=1)
    assert found.flops > 100_000
    assert "a sound" in str(found)
