"""The Swift package: a template that compiles as it stands, and what is generated for one model."""

from edgekit.kits.swift.write import write_swift
from edgekit.kits.swift.write_generator import write_swift_generator
from edgekit.kits.swift.write_images import write_swift_images

__all__ = ["write_swift", "write_swift_generator", "write_swift_images"]
