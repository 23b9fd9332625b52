"""LangChain: calls are not traced; calling `WandbTracer` says so."""

from __future__ import annotations

from artifacts.integration._unserved import Unserved

__all__ = ["WandbTracer"]

WandbTracer = Unserved("langchain.WandbTracer", "log prompts and answers as rows of a Table")
