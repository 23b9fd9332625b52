"""Runs: one execution, with what went in and what came out."""

from artifacts.runs.run import Run, init

__all__ = ["Run", "init"]
