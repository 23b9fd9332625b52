"""Callbacks and helpers for libraries that train models; each imported when it is used."""
