"""What every command is given: the global options and what follows from them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifacts.cli._output import Mode, Output

if TYPE_CHECKING:
    from artifacts._session import Place
    from artifacts.api import Api
    from artifacts.artifact import Artifact
    from artifacts.settings import Settings
    from artifacts.store.catalog import Catalog
    from artifacts.store.store import Store


@dataclass
class App:
    """The global options, and on demand the settings, the output and the store.

    Attributes:
        store: Folder of the store, None for that of the settings; likewise the next two.
        json: Whether results and errors are JSON.
        quiet: Whether to print only what a script needs.
        verbose: Whether the library's log and tracebacks go to stderr.
    """

    store: str | None = None
    project: str | None = None
    entity: str | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def output(self) -> Output:
        """Where results go."""
        return Output(Mode.JSON if self.json else Mode.QUIET if self.quiet else Mode.HUMAN)

    @functools.cached_property
    def settings(self) -> Settings:
        """All settings; a global option goes before everything else."""
        from artifacts import settings

        return settings.load(store=self.store, project=self.project, entity=self.entity)

    @functools.cached_property
    def api(self) -> Api:
        """Access to a store that exists."""
        from artifacts.api import Api

        return Api(store=self.store, project=self.project, entity=self.entity)

    @functools.cached_property
    def place(self) -> Place:
        """Where to work: a store that exists, and what a name leaves out."""
        from artifacts import _session

        return _session.place(
            store=self.store, entity=self.entity, project=self.project, create=False
        )

    @property
    def opened(self) -> Store:
        """The store itself."""
        return self.place.store

    @property
    def catalog(self) -> Catalog:
        """The store's catalog."""
        return self.place.store.catalog

    def artifact(self, ref: str) -> Artifact:
        """Return the version that a reference names, as `Api.artifact` does.

        That class reaches runs and everything logged to them, which takes as long to load as the
        store; a command about one version needs none of it.
        """
        from artifacts._find import find_version
        from artifacts._logged import Named
        from artifacts.artifact import Artifact

        found, record = find_version(self.place, ref)
        return Artifact._from_record(self.place, record, Named.by(ref, found))
