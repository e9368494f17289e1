"""What an app does with a sound before a model reads it: decode, mix down, resample, cut to one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.files import sha256_json, write_json
from edgekit.models.audio.decode import read_sound
from edgekit.models.front_ends import FILE, FrontEnd, refuse_pairs
from edgekit.signatures import WAVEFORM, array_signature
from edgekit.tasks import Task

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Signature

_KIND = "Wav2Vec2FeatureExtractor"  # transformers' front end that passes samples on as they are


@dataclass(frozen=True, slots=True)
class AudioFrontEnd:
    """Brings any sound to `[samples]` float32, mono, in [−1, 1].

    Spectrogram and normalisation are no part of it: they are in the model's graph.
    """

    sampling_rate: int  # Hz
    samples: int  # that the model reads

    model_input_names = (WAVEFORM,)
    pad_token_id = 0  # rows of sounds are never padded

    @property
    def model_max_length(self) -> int:
        """The extent of an input, in samples."""
        return self.samples

    @property
    def settings(self) -> dict[str, Any]:
        """What a model's configuration says of it."""
        return asdict(self)

    @property
    def identity(self) -> str:
        """Hash of all that rows depend on."""
        return sha256_json({"inputs": self.model_input_names, **asdict(self)})

    def __call__(self, inputs: Sequence[str], pairs: Any = None, **_: Any) -> dict[str, list[np.ndarray]]:
        """Rows of sounds.

        Args:
            inputs: paths of sound files, or `data:` URIs (RFC 2397) that hold one.
            pairs: must be None; a tokenizer's second texts.

        Raises:
            DataError: a sound can't be read; pairs were given.
            MissingExtra: a sound needs soundfile.
        """
        refuse_pairs(pairs, many="Sounds", one="sound")
        return {WAVEFORM: [self.waveform(*read_sound(value)) for value in inputs]}

    def waveform(self, pcm: np.ndarray, rate: int) -> np.ndarray:
        """One sound as the model reads it.

        Channels are averaged. Another rate is brought to the model's by `scipy.signal.resample_poly` with its
        default filter (a Kaiser window, β = 5, zeros beyond the ends). Of a longer sound the middle is kept;
        a shorter one gets zeros on both sides. All in float64.

        Args:
            pcm: `[channels, frames]` float32 in [−1, 1].
            rate: Hz.

        Returns:
            `[samples]` float32.
        """
        import numpy as np

        mono = pcm.sum(0, dtype=np.float64) / len(pcm)
        if rate != self.sampling_rate:
            from scipy.signal import resample_poly

            shared = gcd(self.sampling_rate, rate)
            mono = resample_poly(mono, self.sampling_rate // shared, rate // shared)
        if len(mono) >= self.samples:
            start = (len(mono) - self.samples) // 2
            return mono[start : start + self.samples].astype(np.float32)
        made = np.zeros(self.samples, np.float32)
        before = (self.samples - len(mono)) // 2
        made[before : before + len(mono)] = mono
        return made

    def signature(self, task: Task, labels: tuple[str, ...]) -> Signature:
        """Mono PCM in, `[B, samples]` float32 in [−1, 1]; logits out."""
        return array_signature(task=task.name, labels=labels, name=WAVEFORM, shape=(self.samples,))

    def at(self, wanted: FrontEnd) -> FrontEnd:
        """`wanted`: a network of convolutions reads any rate and length."""
        return wanted

    def save_pretrained(self, folder: Path) -> None:
        """Writes `preprocessor_config.json` in transformers' words, and the number of samples."""
        write_json(
            Path(folder) / FILE,
            {
                "feature_extractor_type": _KIND,
                "sampling_rate": self.sampling_rate,
                "samples": self.samples,
                "feature_size": 1,
                "padding_value": 0.0,
                "do_normalize": False,
                "return_attention_mask": False,
            },
        )


def audio_front_end(told: Any, *, uri: str) -> AudioFrontEnd:
    """From what `preprocessor_config.json` tells.

    Raises:
        ModelError: it asks for what a front end of edgekit does not do: no settled length, or normalising
            outside the model.
    """
    rate, samples = told.get("sampling_rate"), told.get("samples")
    plain = isinstance(rate, int) and isinstance(samples, int) and told.get("do_normalize") is False
    if not plain or min(rate, samples) < 1 or told.get("feature_extractor_type") != _KIND:
        raise ModelError(
            f"{uri}: its {FILE} asks for another preparation than edgekit's.",
            remedy="Use an audio model that edgekit saved: a settled number of raw samples at one rate.",
        )
    return AudioFrontEnd(rate, samples)
