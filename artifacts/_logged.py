"""A version that was logged: the second of an artifact's two states."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

from artifacts import config
from artifacts.store import checkout, reading
from artifacts.store.errors import IntegrityError, InvalidInputError
from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from artifacts._session import Place
    from artifacts.store.checkout import CheckoutResult, LinkMode
    from artifacts.store.manifest import Entry, Manifest
    from artifacts.store.progress import Progress
    from artifacts.store.records import RunRecord, VersionRecord

_NAMED = 5


class Logged:
    """One version in one store."""

    def __init__(self, place: Place, record: VersionRecord) -> None:
        self.place = place
        self.record = record
        self._manifest: Manifest | None = None

    @property
    def manifest(self) -> Manifest:
        """Read when first needed, then kept."""
        if self._manifest is None:
            self._manifest = self.place.store.manifest(self.record.digest)
        return self._manifest

    def default_root(self, *, versioned: bool = True) -> str:
        """Return where `download` writes unless told otherwise."""
        record = self.record
        name = f"{record.name}:{record.version}" if versioned else record.name
        return os.path.join(str(self.place.settings.artifact_dir), name)

    def select(
        self,
        *,
        path_prefix: str | None = None,
        include: Iterable[str] | str | None = None,
        exclude: Iterable[str] | str | None = None,
    ) -> list[Entry]:
        """Return the entries that pass the filters.

        Raises:
            InvalidInputError: There are filters, and nothing passes.
        """
        entries = list(self.manifest)
        if path_prefix is None and include is None and exclude is None:
            return entries
        from artifacts._ignore import make_filter

        leave_out = make_filter(include=include, exclude=exclude)
        prefix = path_prefix or ""
        chosen = [e for e in entries if e.path.startswith(prefix) and not leave_out(e.path, False)]
        if not chosen:
            raise InvalidInputError(
                f"no file of {self.record.ref} matches",
                hint=f"see its files with: art files {self.record.ref}",
                kind="no_match",
            )
        return chosen

    def download(
        self,
        root: str,
        *,
        path_prefix: str | None = None,
        include: Iterable[str] | str | None = None,
        exclude: Iterable[str] | str | None = None,
        link: LinkMode = "copy",
        allow_missing_references: bool = False,
        remove_extra: bool = False,
        progress: Progress | None = None,
    ) -> CheckoutResult:
        """Write files into a folder; see `Artifact.download`."""
        if link not in {"copy", "hardlink", "symlink"}:
            raise InvalidInputError(f"link must be copy, hardlink or symlink, not {link!r}")
        return checkout.checkout(
            self.place.store,
            self.select(path_prefix=path_prefix, include=include, exclude=exclude),
            root,
            link=link,
            remove_extra=remove_extra,
            allow_missing_references=allow_missing_references,
            progress=progress,
        )

    def download_entries(self, entries: list[Entry], root: str) -> CheckoutResult:
        """Write single files into a folder."""
        return checkout.checkout(self.place.store, entries, root)

    def open(self, entry: Entry) -> IO[bytes]:
        """Open a file for reading."""
        if entry.reference is not None:
            return checkout.open_reference(entry)
        return self.place.store.open_blob(entry.digest)

    def read(self, entry: Entry) -> bytes | memoryview:
        """Return the contents of a file."""
        store = self.place.store
        return reading.read_blob(store.objects, store.locate([entry.digest])[entry.digest])

    def verify(self, root: str, *, progress: Progress | None = None) -> None:
        """Compare a folder with the version; see `Artifact.verify`."""
        result = checkout.compare(self.manifest.by_path, root, progress=progress)
        problems = [
            f"{len(paths)} {what} ({', '.join(paths[:_NAMED])}{', …' * (len(paths) > _NAMED)})"
            for what, paths in (
                ("missing", result.missing),
                ("changed", result.changed),
                ("extra", result.extra),
            )
            if paths
        ]
        if problems:
            raise IntegrityError(
                f"{root} does not match {self.record.ref}: {'; '.join(problems)}",
                hint=f"restore it with: art pull {self.record.ref} -o {root}",
                kind="folder_differs",
            )

    def edit(
        self,
        *,
        description: str | None,
        metadata: Mapping[str, Any],
        aliases: tuple[str, ...],
        tags: tuple[str, ...],
    ) -> Logged:
        """Make description, metadata, aliases and tags be these, in one transaction."""
        self.place.store.catalog.edit_version(
            self.record,
            description=description,
            metadata=metadata,
            aliases=aliases,
            tags=tags,
            by=config.user_name(),
        )
        return self._again()

    def delete(self, *, delete_aliases: bool) -> Logged:
        """Delete the version."""
        self.place.store.catalog.delete_version(
            self.record.id, delete_aliases=delete_aliases, by=config.user_name()
        )
        return self._again()

    def logged_by(self) -> RunRecord | None:
        """Return the run that logged this version first."""
        links = self.place.store.catalog.links_of_versions([self.record.id], LinkKind.OUTPUT)
        return links[0].run if links else None

    def used_by(self) -> list[RunRecord]:
        """Return the runs that used this version, oldest first."""
        links = self.place.store.catalog.links_of_versions([self.record.id], LinkKind.INPUT)
        return [link.run for link in links]

    def _again(self) -> Logged:
        fresh = Logged(self.place, self.place.store.catalog.version(self.record.id))
        fresh._manifest = self._manifest
        return fresh
