"""Writes the web package of an audio classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgekit.kits.audio import AudioAnswer, AudioInput, GoldenClip, write_golden_clips
from edgekit.kits.audio.interface import audio_samples_json
from edgekit.kits.manifest import Bundle
from edgekit.kits.web.readme_classifier import Words
from edgekit.kits.web.write_classifier import Kind, write_classifier
from edgekit.types import Artifact, Parity

_NOTES = """\
`sound` is an `AudioBuffer`, or `{ samples, sampleRate }`: a `Float32Array` from -1 to 1, or one for each
channel, and the samples a second. Any rate, length and number of channels will do: the kit averages the
channels, resamples as it was done in training, and cuts out the middle of what is longer than
`classifier.seconds`.

Read WAV files with the package's own reader, also in Node:

```js
import { readWav } from "SLUG";

const sound = readWav(await file.arrayBuffer());  // { samples, sampleRate }
```

`decodeAudioData` resamples whatever it reads to the rate of its context, by a filter of the browser's own,
which gives other numbers than those the model was trained on. From the microphone take samples at the rate at
which they come, without echo cancelling, noise suppression and automatic gain; `demo/record.js` shows how.
"""
_KIND = Kind(
    folder="audio",
    task_file="audio-classifier",
    description="Sounds are classified on the device: clip in, answer out.",
    words=Words(
        api="AudioClassifier",
        argument="sound",
        one="A clip of sound",
        inputs="clips",
        tried="Choose a WAV file, drop one on the page, or record with the microphone.",
        notes=_NOTES,
        tested="prepared samples and outputs",
    ),
)


def write_web_audio(
    artifact: Artifact,
    parity: Parity,
    given: AudioInput,
    folder: Path,
    *,
    name: str,
    golden: Sequence[GoldenClip],
    answers: Sequence[AudioAnswer],
    licences: Mapping[str, str | None] | None = None,
) -> Bundle:
    """Writes an npm package that answers a clip with the probability of every label.

    Args:
        artifact: an ONNX audio classifier that edgekit exported.
        parity: of that artifact.
        given: how Python's front end prepares clips.
        folder: becomes the package; an older kit there is replaced.
        name: of the product, in the author's words; the package is named after it.
        golden: clips with their prepared samples, for the package's own tests.
        answers: clips and what a runner answered; tests replay them, the benchmark runs them, and the page
            offers them as examples. At least one.
        licences: of the model, its teacher, its data: name → SPDX, None when it isn't known.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: it is no ONNX audio classifier, or `folder` holds something else.
        DiskFull: no space was left.
    """
    return write_classifier(
        _KIND,
        artifact,
        parity,
        given,
        folder,
        name=name,
        golden=golden,
        write_golden=write_golden_clips,
        answers=answers,
        samples_json=audio_samples_json,
        licences=licences,
    )
