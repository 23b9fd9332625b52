"""``python -m artifacts.compat.wandb [--force] (SCRIPT | -m MODULE) [ARGUMENT]...``.

Python is started anew with the script, with a folder on its path in which a package ``wandb``
stands for W&B. What the script starts inherits the path, so that it holds for subprocesses and for
the processes of multiprocessing, torchrun and the like as well.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from artifacts._run_environment import COMPAT
from artifacts.compat.wandb.installing import check_absent
from artifacts.compat.wandb.shim import write_shim
from artifacts.settings import load as load_settings
from artifacts.store.errors import ArtifactsError

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = "usage: python -m artifacts.compat.wandb [--force] (SCRIPT | -m MODULE) [ARGUMENT]..."


def main(arguments: Sequence[str]) -> NoReturn:
    """Become the Python that runs a script with W&B stood in for.

    Args:
        arguments: Of the command line.
    """
    rest = list(arguments)
    if rest in (["-h"], ["--help"]):
        print(USAGE)  # noqa: T201 - a command line
        sys.exit()
    force = rest[:1] == ["--force"]
    if force:
        rest.pop(0)
    if rest in ([], ["-m"]):
        print(USAGE, file=sys.stderr)  # noqa: T201 - likewise
        sys.exit(2)
    try:
        if not force:
            check_absent()
        shim = write_shim(load_settings().cache_dir)
    except ArtifactsError as error:
        advice = f"\nHint: {error.hint}" if error.hint else ""
        print(f"Error: {error}{advice}", file=sys.stderr)  # noqa: T201 - likewise
        sys.exit(error.exit_code)
    paths = [str(shim), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), COMPAT: "wandb"}
    command = [sys.executable, *_interpreter_options(), *rest]
    os.execve(sys.executable, command, environment)  # noqa: S606 - it is the user's own script


def _interpreter_options() -> list[str]:
    """Return the options of Python itself: what stood before ``-m artifacts.compat.wandb``."""
    return sys.orig_argv[1 : sys.orig_argv.index("-m")]


if __name__ == "__main__":
    main(sys.argv[1:])
