"""The web package: TypeScript with its JavaScript beside it, and what is written for one model."""

from edgekit.kits.web.write import write_web
from edgekit.kits.web.write_audio import write_web_audio
from edgekit.kits.web.write_generator import write_web_generator
from edgekit.kits.web.write_images import write_web_images

__all__ = ["write_web", "write_web_audio", "write_web_generator", "write_web_images"]
