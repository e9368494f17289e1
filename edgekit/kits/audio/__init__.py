"""Audio inputs of kits: the preparation as arithmetic that three languages port, and what tests it."""

from edgekit.kits.audio.golden import GoldenClip, golden_clips, write_golden_clips
from edgekit.kits.audio.interface import AudioAnswer, AudioInput, require_audio_input

__all__ = [
    "AudioAnswer",
    "AudioInput",
    "GoldenClip",
    "golden_clips",
    "require_audio_input",
    "write_golden_clips",
]
