"""The Swift package: a template that compiles as it stands, and what is generated for one model."""

from edgekit.kits.swift.write import write_swift

__all__ = ["write_swift"]
