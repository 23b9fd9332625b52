"""Stand in for W&B, so that the callbacks which training libraries ship for it work unchanged.

>>> from artifacts.compat import wandb
>>> wandb.install()
>>> import wandb  # from now on, everywhere in this program: this package

From the command line: ``python -m artifacts.compat.wandb script.py``, which also holds for the
processes that the script starts.
"""

from __future__ import annotations

from artifacts.compat.wandb.facades import facade
from artifacts.compat.wandb.installing import install, is_installed, uninstall
from artifacts.compat.wandb.names import VERSION

__all__ = ["VERSION", "facade", "install", "is_installed", "uninstall"]
