"""The floor as a tool."""

from __future__ import annotations

from importlib.metadata import version as installed

from benchmarks.tools.warm import WarmTool


class Floor(WarmTool):
    """benchmarks/floor.py in a warm process."""

    name = "floor"
    label = "floor (warm process)"
    subject = "floor"

    def version(self) -> str | None:
        return f"blake3 {installed('blake3')}"
