"""The Android module: Kotlin that compiles as it stands, and what is generated for one model."""

from edgekit.kits.android.write import write_android

__all__ = ["write_android"]
