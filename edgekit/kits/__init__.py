"""Packages for Swift, Android and the web that give the device the same answer as Python."""
