"""The Android module: Kotlin that compiles as it stands, and what is generated for one model."""

from edgekit.kits.android.write import write_android
from edgekit.kits.android.write_audio import write_android_audio
from edgekit.kits.android.write_generator import write_android_generator
from edgekit.kits.android.write_images import write_android_images

__all__ = ["write_android", "write_android_audio", "write_android_generator", "write_android_images"]
