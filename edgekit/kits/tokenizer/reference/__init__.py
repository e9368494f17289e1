"""The tokenizer that the kits implement, in Python: it reads the tables and calls no Unicode function.

Written to be read beside the TypeScript, Swift and Kotlin ones, and run on every table before it is shipped.
docs/kit-tokenizer.md describes the format.
"""

from edgekit.kits.tokenizer.reference.encode import ReferenceTokenizer

__all__ = ["ReferenceTokenizer"]
