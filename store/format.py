"""The version of the store's format; see ``docs/spec/format-v1.md``."""

from __future__ import annotations

FORMAT = 1
"""What this program writes, and the only one that it reads."""
