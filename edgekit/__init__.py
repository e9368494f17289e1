"""edgekit: distil, quantize, export and verify models that run on a device."""

__version__ = "0.1.0"
