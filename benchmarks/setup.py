"""Installs the tools to compare with; the only part that needs a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from benchmarks.tools.base import ENVIRONMENTS

# Each in an environment of its own: their requirements must not meet the project's.
_OWN_ENVIRONMENT = {
    "aws": ["awscli"],
    "dvc": ["dvc[s3]"],
    "mlflow": ["mlflow-skinny", "sqlalchemy", "alembic"],
    "obstore": ["obstore", "blake3"],
    "s5cmd": ["s5cmd"],
    "tensorboard": ["tensorboardX"],
    "trackio": ["trackio"],
    "wandb": ["wandb"],
}
_DEBIAN = {"restic": "restic", "borg": "borgbackup", "rclone": "rclone"}


def install() -> list[str]:
    """Install what is missing; one line for each tool about how that went."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    (ENVIRONMENTS / ".gitignore").write_text("*\n")
    lines = [_in_own_environment(name, *packages) for name, packages in _OWN_ENVIRONMENT.items()]
    lines += [_from_debian(name, package) for name, package in _DEBIAN.items()]
    return lines


def _in_own_environment(name: str, *packages: str) -> str:
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            _run(sys.executable, "-m", "venv", str(folder))
        _run(str(python), "-m", "pip", "install", "--quiet", *packages)
    except (OSError, subprocess.SubprocessError) as failure:
        return f"{name}: not installed ({failure})"
    return f"{name}: in an environment of its own"


def _from_debian(name: str, package: str) -> str:
    if shutil.which(name):
        return f"{name}: already there"
    if shutil.which("apt-get") and os.geteuid() == 0:
        try:
            _run("apt-get", "update", "-qq")
            _run("apt-get", "install", "-y", "-qq", package)
            return f"{name}: installed with apt-get"
        except subprocess.SubprocessError as failure:
            return f"{name}: not installed ({failure})"
    if name == "borg":
        return _in_own_environment("borg", "borgbackup")
    return f"{name}: not installed; install the package `{package}` of your system"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=1200)
