"""The one place that states the version; the build reads it without importing anything."""

__version__ = "0.1.0"
