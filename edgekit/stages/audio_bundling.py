"""App kits of audio classifiers: noise that tests their resampling, and the answers of the artifact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit import progress
from edgekit.errors import ExportError
from edgekit.types import Artifact, Parity

if TYPE_CHECKING:
    import numpy as np

    from edgekit.kits.audio import AudioAnswer, AudioInput
    from edgekit.kits.manifest import Bundle

    Clip = tuple[np.ndarray, int]  # `[channels, frames]` float32 in [-1, 1], and its rate in Hz
    Waveform = Callable[[np.ndarray, int, AudioInput], np.ndarray]  # a clip → `[samples]` float32

AUDIO_KITS = ("android", "web")  # platforms
MOST = 16  # clips whose answers a kit carries
BUDGET = 300_000  # bytes of their samples


def bundle_audio(
    artifact: Artifact,
    parity: Parity,
    folder: Path,
    *,
    platform: str,
    name: str,
    given: AudioInput,
    waveform: Waveform,
    clips: Iterable[Clip],
    licences: Mapping[str, str | None],
) -> Bundle:
    """Writes the kit of one platform around an audio classifier.

    Args:
        folder: becomes the kit.
        given: of the artifact's front end.
        waveform: Python's front end; it is right by definition.
        clips: as the app will meet them; chirps when there are none.

    Raises:
        GateFailed: the artifact did not pass, or was not executed.
        ExportError: there is no such kit for audio.
    """
    if platform not in AUDIO_KITS:
        raise ExportError(
            f"There is no {platform} kit for audio.", remedy=f"It exists for {', '.join(AUDIO_KITS)}."
        )
    import numpy as np

    from edgekit.kits.audio import golden_clips

    def prepared(channels: Sequence[Sequence[float]], rate: int, asked: AudioInput) -> list[float]:
        return waveform(np.array(channels, np.float32), rate, asked).tolist()

    return _writer(platform)(
        artifact,
        parity,
        given,
        folder,
        name=name,
        golden=golden_clips(prepared, given),
        answers=audio_answers(artifact, clips, given, waveform),
        licences=licences,
    )


def _writer(platform: str) -> Callable[..., Bundle]:
    if platform == "android":
        from edgekit.kits.android import write_android_audio as write
    else:
        from edgekit.kits.web import write_web_audio as write
    return write


def audio_answers(
    artifact: Artifact, clips: Iterable[Clip], given: AudioInput, waveform: Waveform
) -> list[AudioAnswer]:
    """What the artifact answers to clips of one channel and 16 bits, run here; as many as fit into a kit.

    Raises:
        ExportError: the artifact can't be executed on this machine.
    """
    import numpy as np

    from edgekit.kits.audio import AudioAnswer
    from edgekit.kits.audio.interface import FULL_SCALE, INPUT
    from edgekit.runtimes import open_runner

    runner = open_runner(artifact.path, threads=1)
    output, room = runner.signature.outputs[0].name, BUDGET
    made: list[AudioAnswer] = []
    with progress.bar(f"Answers of {artifact.name}", MOST, "clips") as bar:
        for pcm, rate in [*clips][:MOST] or _chirps(given):
            small = _middle(pcm, rate, given)
            room -= small.nbytes
            if len(made) > 1 and room < 0:
                break
            heard = waveform(small[None].astype(np.float32) / FULL_SCALE, rate, given)
            found = runner.run({INPUT: heard[None]})[output][0]
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


def _chirps(given: AudioInput) -> list[Clip]:
    """Rising tones at common rates: for a model whose own clips are not at hand."""
    import numpy as np

    made = []
    for number, rate in enumerate((8000, 16_000, 22_050, 44_100)):
        seconds = min(given.samples / given.sampling_rate, 0.5)
        time = np.arange(max(int(seconds * rate), 1)) / rate
        angle = 2 * np.pi * (100 * (number + 1) * time + 600 * time**2)
        made.append(((0.3 * np.sin(angle))[None].astype(np.float32), rate))
    return made
