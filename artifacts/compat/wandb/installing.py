"""The switch: from when on, and until when, this package stands in for W&B in this program."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass, field
from importlib.util import module_from_spec
from typing import TYPE_CHECKING

from artifacts import _run_environment
from artifacts.compat.wandb.facades import Facade
from artifacts.compat.wandb.finding import StandInFinder, real_version
from artifacts.compat.wandb.names import ROOT
from artifacts.store.errors import StateError

if TYPE_CHECKING:
    from types import ModuleType

log = logging.getLogger("artifacts")


@dataclass(slots=True)
class _Before:
    """How it was before, for `uninstall`."""

    finder: StandInFinder = field(default_factory=StandInFinder)
    modules: dict[str, ModuleType] = field(default_factory=dict)
    variable: str | None = None
    level: int = logging.NOTSET


_before: list[_Before] = []


def install(*, force: bool = False) -> None:
    """Make ``import wandb`` and everything below it mean this package; again does nothing.

    From now on variables of W&B such as ``WANDB_PROJECT`` count, too, where no ``ART_*`` one is
    set; ``ART_COMPAT`` says so to the processes that this one starts.

    Args:
        force: Whether to do so if W&B itself is installed, or imported, which it then cannot be.

    Raises:
        StateError: W&B itself is installed, or imported; nothing was changed.
    """
    if is_installed():
        return
    if not force:
        check_absent()
    before = _Before(variable=os.environ.get(_run_environment.COMPAT), level=log.level)
    before.modules = {name: module for name, module in sys.modules.items() if _is_theirs(name)}
    for name in before.modules:
        del sys.modules[name]
    _before.append(before)
    sys.meta_path.insert(0, before.finder)
    os.environ[_run_environment.COMPAT] = ROOT
    if _run_environment.is_silent():
        log.setLevel(logging.ERROR)
    from artifacts.compat.wandb import private

    private.give()


def install_in_place(name: str) -> None:
    """Make this package stand in for W&B while a package on the path is imported that says so.

    Args:
        name: Of that package, which is replaced.
    """
    sys.modules.pop(name, None)
    install(force=True)  # whoever has put it on the path has decided
    spec = _before[-1].finder.find_spec(name, None)
    assert spec is not None
    sys.modules[name] = module_from_spec(spec)


def uninstall() -> None:
    """Undo `install`; what was imported before keeps working. Without it, do nothing."""
    if not is_installed():
        return
    before = _before.pop()
    sys.meta_path.remove(before.finder)
    for name in [name for name in sys.modules if _is_theirs(name)]:
        del sys.modules[name]
    sys.modules.update(before.modules)
    if before.variable is None:
        os.environ.pop(_run_environment.COMPAT, None)
    else:
        os.environ[_run_environment.COMPAT] = before.variable
    log.setLevel(before.level)
    from artifacts.compat.wandb import private

    private.take()


def is_installed() -> bool:
    """Whether ``import wandb`` means this package in this process."""
    return bool(_before)


def check_absent() -> None:
    """Make sure that W&B itself is neither installed nor imported.

    Raises:
        StateError: It is.
    """
    module = sys.modules.get(ROOT)
    in_a_file = getattr(module, "__file__", None) is not None  # W&B leaves folders of this name
    if in_a_file and not isinstance(module, Facade):
        raise StateError(
            "W&B itself is imported already, so artifacts does not stand in for it",
            hint="install() before anything imports wandb, or with force=True",
            kind="wandb_imported",
        )
    version = real_version()
    if version is not None:
        raise StateError(
            f"W&B {version} is installed here, so artifacts does not stand in for it",
            hint="pip uninstall wandb; or, to leave it there unused: install(force=True), "
            "python -m artifacts.compat.wandb --force",
            kind="wandb_installed",
        )


def _is_theirs(name: str) -> bool:
    return name == ROOT or name.startswith(f"{ROOT}.")
