"""Searches over settings: what to try next, and the agents that try it."""
