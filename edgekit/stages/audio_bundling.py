"""App kits of audio classifiers: noise that tests their resampling, and the answers of the artifact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit import progress
from edgekit.types import Artifact, Parity

if TYPE_CHECKING:
    import numpy as np

    from edgekit.kits.audio import AudioAnswer, AudioInput
    from edgekit.kits.manifest import Bundle

MOST = 16  # sounds whose answers a kit carries
BUDGET = 300_000  # bytes of their samples


def bundle_audio(
    artifact: Artifact,
    parity: Parity,
    folder: Path,
    *,
    platform: str,
    name: str,
    sounds: Sequence[str],
    licences: Mapping[str, str | None],
) -> Bundle:
    """Writes the kit of one platform around an audio classifier.

    Args:
        artifact: its `preprocessor_config.json` lies beside it.
        folder: becomes the kit.
        sounds: files or `data:` URIs, as the app will meet them; rising tones when empty.

    Raises:
        GateFailed: the artifact did not pass, or was not executed.
        ExportError: the artifact is none that the platform's kit carries.
    """
    from edgekit.kits.audio import AudioInput, golden_clips
    from edgekit.models.load import load_processor

    front = load_processor(artifact.path.parent, uri=str(artifact.path.parent))
    given = AudioInput(front.sampling_rate, front.samples)
    return _writer(platform)(
        artifact,
        parity,
        given,
        folder,
        name=name,
        golden=golden_clips(prepared, given),
        answers=audio_answers(artifact, sounds),
        licences=licences,
    )


def _writer(platform: str) -> Callable[..., Bundle]:
    if platform == "swift":
        from edgekit.kits.swift import write_swift_audio as write
    elif platform == "android":
        from edgekit.kits.android import write_android_audio as write
    else:
        from edgekit.kits.web import write_web_audio as write
    return write


def prepared(channels: Sequence[Sequence[float]], rate: int, given: AudioInput) -> list[float]:
    """What Python's front end makes of a clip; see `edgekit.kits.audio.golden.Prepare`."""
    import numpy as np

    from edgekit.models.audio.front_end import AudioFrontEnd

    front = AudioFrontEnd(given.sampling_rate, given.samples)
    return front.waveform(np.array(channels, np.float32), rate).tolist()


def audio_answers(artifact: Artifact, sounds: Sequence[str]) -> list[AudioAnswer]:
    """What the artifact answers to sounds of one channel and 16 bits, run here; as many as fit into a kit.

    Raises:
        DataError: a sound can't be read.
        ExportError: the artifact can't be executed on this machine.
    """
    import numpy as np

    from edgekit.batches import pad_rows
    from edgekit.kits.audio import AudioAnswer, AudioInput
    from edgekit.kits.audio.interface import FULL_SCALE
    from edgekit.models.audio.decode import read_sound
    from edgekit.models.load import load_processor
    from edgekit.runtimes import open_runner
    from edgekit.signatures import WAVEFORM

    runner = open_runner(artifact.path, threads=1)
    front = load_processor(artifact.path.parent, uri=str(artifact.path.parent))
    given = AudioInput(front.sampling_rate, front.samples)
    output, room = runner.signature.outputs[0].name, BUDGET
    opened = (read_sound(one) for one in sounds[:MOST]) if sounds else _rising_tones(given)
    made: list[AudioAnswer] = []
    with progress.bar(f"Answers of {artifact.name}", MOST, "sounds") as bar:
        for pcm, rate in opened:
            small = _middle(pcm, rate, given)
            room -= small.nbytes
            if len(made) > 1 and room < 0:
                break
            row = {WAVEFORM: front.waveform(small[None].astype(np.float32) / FULL_SCALE, rate)}
            found = runner.run(pad_rows([row], runner.signature, pad_id=0))[output][0]
            made.append(AudioAnswer(rate, small.astype("<i2").tobytes(), found.ravel().tolist()))
            bar.advance()
    return made


def _middle(pcm: np.ndarray, rate: int, given: AudioInput) -> np.ndarray:
    """One channel as 16-bit integers, no longer than the model hears or than half of a kit's room."""
    import numpy as np

    from edgekit.kits.audio.interface import FULL_SCALE

    most = min(-(-given.samples * rate // given.sampling_rate), BUDGET // 4)
    first = max(pcm.shape[1] - most, 0) // 2
    mono = pcm[:, first : first + most].mean(axis=0, dtype=np.float64)
    return np.clip(np.rint(mono * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def _rising_tones(given: AudioInput) -> Iterator[tuple[np.ndarray, int]]:
    """At common rates: for a model whose own sounds are not at hand."""
    import numpy as np

    for number, rate in enumerate((8000, 16_000, 22_050, 44_100)):
        seconds = min(given.samples / given.sampling_rate, 0.5)
        time = np.arange(max(int(seconds * rate), 1)) / rate
        angle = 2 * np.pi * (100 * (number + 1) * time + 600 * time**2)
        yield (0.3 * np.sin(angle))[None].astype(np.float32), rate
