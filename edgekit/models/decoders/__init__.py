"""Decoders for export: one module for all families, and a table of how each family's models become it.

`build` makes the module from a transformers configuration and state dict, `load` from a folder or a GGUF
file.
"""
