"""Diffusers: pipelines are not logged by themselves; calling `autolog` says so."""

from __future__ import annotations

from artifacts.integration._unserved import Unserved

__all__ = ["autolog"]

autolog = Unserved(
    "diffusers.autolog", "log what a pipeline returns: run.log({'image': pipeline(prompt).images})"
)
