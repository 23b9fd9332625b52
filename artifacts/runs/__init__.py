"""Runs: one execution, with what went in and what came out."""

from artifacts.runs.initializing import init
from artifacts.runs.run import Run

__all__ = ["Run", "init"]
