"""OpenAI: calls are not logged by themselves; calling `autolog` says so."""

from __future__ import annotations

from artifacts.integration._unserved import Unserved

__all__ = ["WandbLogger", "autolog"]

autolog = Unserved("openai.autolog", "log prompts and answers as rows of an artifacts.Table")
WandbLogger = Unserved(
    "openai.WandbLogger", "log the files of a fine-tuning with run.log_artifact()"
)
