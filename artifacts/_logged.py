"""A version that was logged: the second of an artifact's two states."""

from __future__ import annotations

import logging
import os
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from artifacts import _reads, settings
from artifacts.store import checkout
from artifacts.store.compare import compare
from artifacts.store.errors import IntegrityError, InvalidInputError, NotFoundError, StateError
from artifacts.store.records import WITHOUT_DATA, DerivationKind, LinkKind, VersionDraft
from artifacts.store.references import open_reference
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from artifacts._session import Place
    from artifacts._values import LogOptions
    from artifacts.store.checkout import CheckoutResult, LinkMode
    from artifacts.store.manifest import Entry, Manifest, Reference
    from artifacts.store.progress import Progress
    from artifacts.store.records import RecallRecord, RunRecord, VersionRecord
    from artifacts.store.refs import Ref
    from artifacts.stored_run import StoredRun

log = logging.getLogger("artifacts")

_NAMED = 5


class Named(NamedTuple):
    """How a user has named a version.

    Attributes:
        text: As it was written.
        alias: The alias through which it was found; None for a number or a digest.
    """

    text: str
    alias: str | None = None

    @classmethod
    def by(cls, text: str, ref: Ref) -> Named:
        """Return what a parsed name says."""
        if ref.name is None or ref.digest is not None or ref.number is not None:
            return cls(text)
        return cls(text, ref.selector or LATEST)


class Logged:
    """One version in one store.

    Args:
        named: How it was found, if that was by a name.
    """

    def __init__(self, place: Place, record: VersionRecord, named: Named | None = None) -> None:
        self.place = place
        self.record = record
        self.named = named
        self._manifest: Manifest | None = None
        self._warned = False

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
        chosen = [
            entry
            for entry in entries
            if entry.path.startswith(prefix)
            and (leave_out is None or not leave_out(entry.path, False))
        ]
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
        allow_broken: bool = False,
        remove_extra: bool = False,
        skip_cache: bool = False,
        progress: Progress | None = None,
    ) -> CheckoutResult:
        """Write files into a folder; see `Artifact.download`."""
        if link not in {"copy", "hardlink", "symlink"}:
            raise InvalidInputError(f"link must be copy, hardlink or symlink, not {link!r}")
        if remove_extra:
            self._keep_store(root)
        if not allow_broken:
            self._refuse_broken()
        self.warn_if_recalled()
        entries = self.select(path_prefix=path_prefix, include=include, exclude=exclude)
        if self.record.broken is not None:
            entries = self._readable(entries)
        with self.place.store.reading(self.record.digest):
            result = checkout.checkout(
                self.place.store,
                entries,
                root,
                link=link,
                remove_extra=remove_extra,
                allow_missing_references=allow_missing_references,
                keep=not skip_cache,
                progress=progress,
            )
        whole = path_prefix is include is exclude is None and len(entries) == len(self.manifest)
        self._note_read(None if whole and not result.skipped else entries, result.skipped)
        if result.skipped:
            log.warning(
                "%s: %d referenced file(s) are gone or have changed, and were left out: %s",
                self.record.ref,
                len(result.skipped),
                _some(result.skipped),
            )
        return result

    def link_source(self) -> VersionRecord | None:
        """Return the version that a link leads to, None if the version is no link."""
        found = self.place.store.catalog.derivations_of([self.record.id], DerivationKind.LINK)
        return found[-1].input if found else None

    def recalled(self) -> RecallRecord | None:
        """Return the recall that holds of the version now."""
        found = self.place.store.catalog.recalls_in_force([self.record.id])
        return found.get(self.record.id)

    def warn_if_recalled(self) -> None:
        """Log a warning if the version is recalled; once for each object."""
        recall = None if self._warned else self.recalled()
        if recall is not None:
            self._warned = True
            by = f" by {recall.by}" if recall.by else ""
            log.warning("%s was recalled%s: %s", self.record.ref, by, recall.reason)

    def _refuse_broken(self) -> None:
        if self.record.broken is not None:
            never_here = self.record.broken == WITHOUT_DATA
            raise IntegrityError(
                f"{self.record.ref} is broken: {self.record.broken}",
                hint="bring them from where they are: art export there, and art import here"
                if never_here
                else "repair the store with art check --repair --from STORE, or get what is left "
                "with allow_broken=True (--allow-broken)",
                kind="version_broken",
            )

    def _readable(self, entries: list[Entry]) -> list[Entry]:
        """Return the entries whose data are not lost."""
        stored = {entry.digest for entry in entries if entry.reference is None}
        lost = self.place.store.find(stored)[1]
        left_out = [e.path for e in entries if e.reference is None and e.digest in lost]
        if left_out:
            log.warning(
                "%s: %d file(s) are lost, and were left out: %s",
                self.record.ref,
                len(left_out),
                _some(left_out),
            )
        return [
            entry for entry in entries if entry.reference is not None or entry.digest not in lost
        ]

    def extra_files(self, root: str) -> list[str]:
        """Return what `download` with ``remove_extra`` would delete."""
        self._keep_store(root)
        return checkout.extra_files(self.manifest, root)

    def _keep_store(self, root: str) -> None:
        """Refuse to delete files in a folder that holds the store, or lies in it."""
        target = os.path.realpath(root)
        store = os.path.realpath(self.place.store.location)
        if os.path.commonpath([target, store]) in {target, store}:
            raise StateError(
                f"deleting other files in {root} would delete the store at {store}",
                hint="choose a folder without the store in it",
                kind="store_in_the_way",
            )

    def download_entries(self, entries: list[Entry], root: str) -> CheckoutResult:
        """Write single files into a folder."""
        self.warn_if_recalled()
        with self.place.store.reading(self.record.digest):
            result = checkout.checkout(self.place.store, entries, root)
        self._note_read(entries)
        return result

    def download_as(self, entry: Entry, target: str) -> None:
        """Write one file to a path."""
        folder, name = os.path.split(os.path.abspath(target))
        self.warn_if_recalled()
        with self.place.store.reading(self.record.digest):
            checkout.checkout(self.place.store, [entry._replace(path=name)], folder)
        self._note_read([entry])

    def open(self, entry: Entry) -> IO[bytes]:
        """Open a file for reading."""
        if entry.reference is not None:
            file = open_reference(entry.reference, size=entry.size)
        else:
            file = self.place.store.open_blob(entry.digest)
        self._note_read([entry])
        return file

    def _note_read(self, entries: Iterable[Entry] | None, left_out: Collection[str] = ()) -> None:
        """Record for the run that is at work that these files were read; None for all of them."""
        text, alias = self.named or (None, None)
        paths = None
        if entries is not None:
            missing = set(left_out)
            paths = [entry.path for entry in entries if entry.path not in missing]
        _reads.note(self.place, self.record, paths, ref_text=text, alias=alias)

    def read(self, entry: Entry) -> bytes:
        """Return the contents of a file."""
        return self.place.store.read_blob(entry.digest)

    def verify(self, root: str, *, progress: Progress | None = None) -> None:
        """Compare a folder with the version; see `Artifact.verify`."""
        entries = self.manifest.by_path
        result = compare(entries, root, progress=progress)
        references = {path: entries[path].reference for path in (*result.missing, *result.changed)}
        unchecked = [path for path in result.missing if references[path] is not None]
        unchecked += [path for path in result.changed if not _is_hashed(references[path])]
        problems = [
            f"{len(paths)} {what} ({_some(paths)})"
            for what, paths in (
                ("missing", [path for path in result.missing if path not in unchecked]),
                ("changed", [path for path in result.changed if path not in unchecked]),
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
        if unchecked:
            log.warning(
                "%s: %d reference(s) could not be checked: %s",
                self.record.ref,
                len(unchecked),
                _some(unchecked),
            )

    def edit(
        self,
        *,
        description: str | None,
        metadata: Mapping[str, Any],
        aliases: tuple[str, ...],
        tags: tuple[str, ...],
        ttl: int | None,
        force: bool,
    ) -> Logged:
        """Make description, metadata, aliases, tags and lifetime be these, in one transaction.

        Raises:
            InvalidInputError: A link is given a lifetime.
        """
        if ttl != self.record.ttl and self.link_source() is not None:
            raise InvalidInputError(
                f"{self.record.ref} is a link, which has no lifetime of its own",
                hint="remove it with artifact.unlink()",
                kind="bad_ttl",
            )
        self.place.store.catalog.edit_version(
            self.record,
            description=description,
            metadata=metadata,
            aliases=aliases,
            tags=tags,
            ttl=ttl,
            force=force,
            by=settings.user_name(),
        )
        return self._again()

    def protect(self, alias: str, *, protected: bool) -> Logged:
        """Protect an alias, or end that.

        Raises:
            NotFoundError: The version does not have it.
        """
        catalog, record = self.place.store.catalog, self.record
        if not catalog.protect_alias(record.id, alias, protected=protected):
            raise NotFoundError(
                f"{record.ref} does not have the alias {alias!r}", kind="alias_not_found"
            )
        return self._again()

    def log_again(self, options: LogOptions) -> Logged:
        """Make the version an output of one more run, with all that logging it does.

        Raises:
            ConflictError: It was deleted.
        """
        record = self.record
        draft = VersionDraft(
            entity=record.entity,
            project=record.project,
            name=record.name,
            type=record.type,
            digest=record.digest,
            size=record.size,
            file_count=record.file_count,
            aliases=options.aliases,
            tags=options.tags,
            latest=options.latest,
            run=options.run,
            created_by=settings.user_name(),
            sources=options.sources,
        )
        # Equal content finds this version, which the commit makes sure is not deleted.
        self.place.store.catalog.commit(draft, base=record.id)
        return self._again()

    def delete(self, *, delete_aliases: bool, force: bool) -> Logged:
        """Delete the version."""
        self.place.store.catalog.delete_version(
            self.record.id, delete_aliases=delete_aliases, force=force, by=settings.user_name()
        )
        return self._again()

    def restore(self) -> Logged:
        """Undo the deletion of the version."""
        self.place.store.restore(self.record, by=settings.user_name())
        return self._again()

    def logged_by(self) -> StoredRun | None:
        """Return the run that logged this version first."""
        links = self.place.store.catalog.links_of_versions([self.record.id], LinkKind.OUTPUT)
        return self._stored_run(links[0].run) if links else None

    def used_by(self, *, transitive: bool, type_: str | None) -> list[StoredRun]:
        """Return the runs that used this version; see `Artifact.used_by`."""
        from artifacts.store.lineage.users import users

        found = users(self.place.store, self.record, transitive=transitive, type_=type_)
        return [self._stored_run(run) for run in found]

    def _stored_run(self, run: RunRecord) -> StoredRun:
        # Imported here: it brings all that can be done with a run, which logging does not need.
        from artifacts.stored_run import StoredRun

        return StoredRun(self.place, run)

    def _again(self) -> Logged:
        fresh = Logged(self.place, self.place.store.catalog.version(self.record.id))
        fresh._manifest, fresh._warned, fresh.named = self._manifest, self._warned, self.named
        return fresh


def _is_hashed(reference: Reference | None) -> bool:
    return reference is None or reference.hashed


def _some(paths: Sequence[str]) -> str:
    return ", ".join(paths[:_NAMED]) + ", …" * (len(paths) > _NAMED)
