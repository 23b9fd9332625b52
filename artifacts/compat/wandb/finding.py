"""How Python finds the modules that stand for those of W&B, and the package's metadata."""

from __future__ import annotations

import os
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder
from pathlib import Path
from typing import TYPE_CHECKING

from artifacts.compat.wandb.facades import facade
from artifacts.compat.wandb.names import MODULES, ROOT, VERSION, has_children

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import ModuleType

INSTALLER = "artifacts-cas"
"""What the metadata says of who has installed the package W&B, if it is this one."""

METADATA = {
    "METADATA": (
        f"Metadata-Version: 2.1\nName: {ROOT}\nVersion: {VERSION}\n"
        "Summary: The package artifacts, which stands in for W&B\n"
    ),
    "INSTALLER": f"{INSTALLER}\n",
    "top_level.txt": f"{ROOT}\n",
}
"""Files of metadata by name."""


class FacadeLoader(Loader):
    """Loads what needs no loading: a module that was made already."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return facade(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: its names are loaded when they are used."""


class StandInDistribution(Distribution):
    """What tools are told who ask whether W&B is installed, and in which version."""

    def read_text(self, filename: str) -> str | None:
        return METADATA.get(filename)

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        return Path(__file__).parent / path


class StandInFinder(MetaPathFinder):
    """Finds the modules of W&B here, before anybody else does."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in MODULES:
            return None
        return ModuleSpec(
            fullname, FacadeLoader(), origin=__file__, is_package=has_children(fullname)
        )

    def find_distributions(
        self, context: DistributionFinder.Context | None = None
    ) -> Iterable[Distribution]:
        """Yield the distribution if it is the one, or one of those, that are asked for."""
        name = None if context is None else context.name
        if name is None or name.lower() == ROOT:
            yield StandInDistribution()


def real_version() -> str | None:
    """Return the version of W&B that is installed besides what stands in for it, or None."""
    for found in _installed():
        if (found.read_text("INSTALLER") or "").strip() != INSTALLER:
            return found.version
    return None


def _installed() -> Iterator[Distribution]:
    yield from Distribution.discover(name=ROOT)
