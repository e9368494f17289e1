"""Writes the Swift package of an audio classifier: PCM in, the probability of every label out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.kits.audio import AudioAnswer, AudioInput, GoldenClip, require_audio_input, write_golden_clips
from edgekit.kits.audio.interface import audio_samples_json
from edgekit.kits.audio.reference import prepare
from edgekit.kits.manifest import Bundle
from edgekit.kits.swift.readme_classifier import Words
from edgekit.kits.swift.recorded import recorded_tensor
from edgekit.kits.swift.supported import require_coreml
from edgekit.kits.swift.write_classifier import Kind, write_classifier
from edgekit.tasks import AUDIO_CLASSIFICATION
from edgekit.types import Artifact, Parity

_NOTES = """\
`buffer` is an `AVAudioPCMBuffer` of floats or of integers, of any length, rate and number of channels: the
kit averages the channels, resamples as it was done in training, and cuts out the middle of what is longer
than `AudioClassifier.seconds`. Elsewhere `classify(samples:sampleRate:)` takes floats from -1 to 1, and
`classify(channels:sampleRate:)` several channels.

Of a file give its own samples:

```swift
let file = try AVAudioFile(forReading: url)
let count = AVAudioFrameCount(file.length)
let buffer = AVAudioPCMBuffer(pcmFormat: file.processingFormat, frameCapacity: count)!
try file.read(into: buffer)
```

From the microphone (`NSMicrophoneUsageDescription` in the app's Info.plist) give what the tap of
`AVAudioEngine.inputNode` gives, in the node's own format, its buffers one after the other until there is
enough. An `AVAudioConverter` has a filter of its own, whose numbers are others than those the model was
trained on; so has voice processing.
"""
_KIND = Kind(
    folder="Audio",
    words=Words(
        api="AudioClassifier", argument="buffer", one="A clip of sound", inputs="clips", notes=_NOTES
    ),
)


def write_swift_audio(
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
    """Writes a SwiftPM package that answers an `AVAudioPCMBuffer`, or samples, with each label's share.

    Args:
        artifact: a Core ML package of an audio classifier that edgekit exported.
        parity: of that artifact.
        given: how Python's front end prepares clips.
        folder: becomes the package; an older kit there is replaced.
        name: of the product, in the author's words; the Swift module is named after it.
        golden: clips with their prepared samples, for the package's own tests.
        answers: clips and what a runner answered; tests replay them, and `edgekit-bench` runs them. At least
            one.
        licences: of the model, its teacher, its data: name → SPDX, None when it isn't known.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: it is no Core ML package of an audio classifier, two of its labels are one text to Swift,
            or `folder` holds something else.
        DiskFull: no space was left.
    """

    def samples(answer: AudioAnswer) -> dict[str, Any]:
        # Not scipy's, whose sums are in another order: an answer is found by the last bit of each sample.
        return recorded_tensor((1, given.samples), prepare([answer.values], answer.rate, given))

    require_coreml(artifact, tasks=[AUDIO_CLASSIFICATION.name])
    require_audio_input(artifact, given)
    return write_classifier(
        _KIND,
        artifact,
        parity,
        given,
        folder,
        name=name,
        own={"samplingRate: Int": str(given.sampling_rate), "samples: Int": str(given.samples)},
        golden=golden,
        write_golden=write_golden_clips,
        answers=answers,
        samples_json=audio_samples_json,
        recorded=samples,
        licences=licences,
    )
