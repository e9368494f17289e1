"""Where bytes come from: a local path, a hub, or files inside a pinned package, checked before use."""

from __future__ import annotations

from edgekit.assets.cache import cache_dir
from edgekit.assets.fetch import Plan, describe, fetch
from edgekit.assets.reference import parse_asset

__all__ = ["Plan", "cache_dir", "describe", "fetch", "parse_asset"]
