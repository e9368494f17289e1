"""The web package: TypeScript with its JavaScript beside it, and what is written for one model."""

from edgekit.kits.web.write import write_web

__all__ = ["write_web"]
