"""Writes the Android module of an audio classifier."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgekit.kits.android.readme_classifier import Words
from edgekit.kits.android.write_classifier import Kind, output_text, write_classifier
from edgekit.kits.audio import AudioAnswer, AudioInput, GoldenClip, write_golden_clips
from edgekit.kits.manifest import Bundle
from edgekit.types import Artifact, Parity

_NOTES = """\
`pcm` are the 16-bit samples of an `AudioRecord`, a `MediaCodec` or a WAV file; `classify(samples,
sampleRate)` takes floats from -1 to 1. Of several channels give the samples of a frame beside each other, and
their number as `channels`. Any rate and length will do: the kit averages the channels, resamples as it was
done in training, and cuts out the middle of what is longer than `classifier.seconds`.

From the microphone, away from the main thread, once the app has the permission `RECORD_AUDIO`:

```kotlin
fun record(seconds: Double, rate: Int = 16_000): ShortArray {
    val source = MediaRecorder.AudioSource.VOICE_RECOGNITION // without automatic gain on most phones
    val format = AudioFormat.ENCODING_PCM_16BIT
    val bytes = maxOf(AudioRecord.getMinBufferSize(rate, AudioFormat.CHANNEL_IN_MONO, format), 2 * rate)
    val recorder = AudioRecord(source, rate, AudioFormat.CHANNEL_IN_MONO, format, bytes)
    check(recorder.state == AudioRecord.STATE_INITIALIZED) { "The microphone can't be used." }
    val pcm = ShortArray((seconds * rate).toInt())
    try {
        recorder.startRecording()
        var count = 0
        while (count < pcm.size) {
            val read = recorder.read(pcm, count, pcm.size - count)
            check(read > 0) { "The microphone stopped ($read)." }
            count += read
        }
    } finally {
        recorder.release()
    }
    return pcm
}

val answer = classifier.classify(record(classifier.seconds), 16_000)
```
"""
_KIND = Kind(
    folder="audio",
    words=Words(
        api="AudioClassifier",
        arguments="pcm, sampleRate",
        one="A clip of sound",
        inputs="clips",
        notes=_NOTES,
        tested="prepared samples and outputs",
    ),
)


def write_android_audio(
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
    """Writes a Gradle module that answers PCM with the probability of every label.

    Args:
        artifact: an ONNX audio classifier that edgekit exported.
        parity: of that artifact.
        given: how Python's front end prepares clips.
        folder: becomes the kit; an older kit there is replaced.
        name: of the product, in the author's words; module and package are named after it.
        golden: clips with their prepared samples, for the module's own tests.
        answers: clips and what a runner answered; tests replay them, and the benchmark runs them. At least
            one.
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
        numbers={"SAMPLING_RATE": given.sampling_rate, "SAMPLES": given.samples},
        golden=golden,
        write_golden=write_golden_clips,
        answers=answers,
        sample=_sample,
        licences=licences,
    )


def _sample(answer: AudioAnswer) -> str:
    """As `readSamples` of audio reads it."""
    return f"{answer.rate} {base64.b64encode(answer.pcm).decode('ascii')} {output_text(answer.output)}"
