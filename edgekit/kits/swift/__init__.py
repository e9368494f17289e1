"""The Swift package: a template that compiles as it stands, and what is generated for one model."""

from edgekit.kits.swift.write import write_swift
from edgekit.kits.swift.write_generator import write_swift_generator

__all__ = ["write_swift", "write_swift_generator"]
