"""`artifacts.integration.gym`, where scripts that were written for W&B look for it."""

from __future__ import annotations

from artifacts._delegating import delegate

__getattr__, __dir__ = delegate("artifacts.integration.gym")
