"""Sweeps: searches for the best configuration, a run for each that is tried."""
