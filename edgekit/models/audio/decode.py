"""Files of sound → PCM: WAV by Python itself, everything else by libsndfile."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

from edgekit.errors import DataError, EdgekitError, MissingExtra, first_line
from edgekit.models.front_ends import held_bytes, told_name

if TYPE_CHECKING:
    import numpy as np


def read_sound(value: str) -> tuple[np.ndarray, int]:
    """A file of sound, or a `data:` URI that holds one.

    Returns:
        PCM `[channels, frames]` float32, integers of n bits divided by 2ⁿ⁻¹; and its rate in Hz.

    Raises:
        DataError: no such file, not sound, or damaged.
        MissingExtra: it is no WAV of integers, and soundfile is not installed.
    """
    name = told_name(value)
    remedy = "Give a WAV file; FLAC, OGG and MP3 are read with the extra `audio`."
    try:
        body = held_bytes(value)
    except FileNotFoundError as error:
        raise DataError(f"{name} does not exist.", remedy=remedy) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{name} can't be read: {first_line(error)}", remedy=remedy) from error
    try:
        pcm, rate = _wav(body) if body[:4] == b"RIFF" else _other(body, name)
    except EdgekitError:
        raise
    except (wave.Error, EOFError, ValueError, RuntimeError) as error:  # libsndfile's are RuntimeErrors
        said = getattr(error, "error_string", None) or first_line(error)  # libsndfile's own words
        raise DataError(f"{name} can't be read as sound: {said}", remedy=remedy) from error
    if not pcm.size:
        raise DataError(f"{name} holds no sound.", remedy="Leave it out.")
    return pcm, rate


def _wav(body: bytes) -> tuple[np.ndarray, int]:
    import numpy as np

    try:
        with wave.open(io.BytesIO(body)) as stream:
            channels, width, rate = stream.getnchannels(), stream.getsampwidth(), stream.getframerate()
            held = stream.readframes(stream.getnframes())
    except wave.Error as error:
        if "unknown format" not in str(error):
            raise
        return _other(body, "A WAV of another format than integer PCM")
    held = held[
        : len(held) // (width * channels) * width * channels
    ]  # what an interrupted recording ends with
    if width == 1:  # the only width without a sign
        values = np.frombuffer(held, np.uint8).astype(np.float64) - 128
    elif width == 3:
        wide = np.zeros((len(held) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(held, np.uint8).reshape(-1, 3)
        values = wide.view("<i4")[:, 0] / 256
    else:
        values = np.frombuffer(held, f"<i{width}").astype(np.float64)
    pcm = (values / 2 ** (8 * width - 1)).astype(np.float32)
    return pcm.reshape(-1, channels).T, rate


def _other(body: bytes, name: str) -> tuple[np.ndarray, int]:
    try:
        import soundfile
    except ImportError as error:
        raise MissingExtra("soundfile", extra="audio", needed_for=f"Reading sound ({name})") from error
    pcm, rate = soundfile.read(io.BytesIO(body), dtype="float32", always_2d=True)
    return pcm.T, int(rate)
