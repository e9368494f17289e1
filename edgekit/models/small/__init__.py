"""Architectures of edgekit's own: small text networks, and transformers with a low-rank token table.

They save in Hub layout like any other model. To load one outside edgekit, call
`edgekit.models.small.register.register()` once; plain transformers then knows their `model_type`.
"""
