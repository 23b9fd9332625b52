"""Versions as a file system of fsspec: ``art://[[entity/]project/]name:alias/path``.

Whatever opens files through fsspec reads versions with it, without downloading them first:

>>> pandas.read_parquet("art://demo/corpus:latest/a.parquet")

fsspec finds it by the name ``art`` in every environment where this package is installed.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from typing import IO, TYPE_CHECKING, Any, NoReturn

import fsspec.spec

from artifacts import _reads, _session
from artifacts._find import find_version
from artifacts._logged import Named
from artifacts.artifact import Artifact
from artifacts.store.digests import format_digest
from artifacts.store.errors import (
    EntryNotFoundError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from artifacts.store.manifest import Entry

_REF_PARTS = 3
_AFTER_SLASH = chr(ord("/") + 1)


class ArtifactFileSystem(fsspec.spec.AbstractFileSystem):  # type: ignore[misc] # it has no types
    """Read-only access to the files of versions.

    The part of a path that names a version has to have its ``:alias``, ``:vN`` or ``@digest``. A
    name means one version from the first time it is used: for a run until its end, whatever opens
    files, and outside of a run for this object, until `invalidate_cache` is called. A pickled
    object keeps what names mean, so that the workers of a job read the same versions.

    While a run is active, it has used what is read, and which files these are is recorded.

    A file of up to 8 MB is fetched and verified as a whole. Of a larger one only what is read is
    fetched, and it is verified if it is read from its beginning to its end.

    Args:
        store: Folder or URL of the store. Default: that of the active run, else of the settings.
        entity: Owner of the project, where a path names none.
        project: Project, where a path names none.
        options: Those that all file systems of fsspec have.
    """

    protocol = "art"
    root_marker = ""

    def __init__(
        self,
        store: str | os.PathLike[str] | None = None,
        entity: str | None = None,
        project: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._where = (store, entity, project)
        self._found: dict[str, Artifact] = {}
        self._pins: dict[str, str] = {}

    @property
    def fsid(self) -> str:
        """Name of the kind of file system."""
        return "art"

    # -- looking

    def ls(self, path: str, detail: bool = True, **_options: Any) -> list[Any]:
        """List a folder of a version.

        Args:
            path: With or without ``art://``.
            detail: Return what `info` does, else only names.

        Raises:
            RefNotFoundError: There is no such version.
            EntryNotFoundError: It has no such file or folder. It is a FileNotFoundError, too.
        """
        ref, inner = _split(self._strip_protocol(path))
        artifact = self._artifact(ref)
        entry = artifact._stored().manifest.get(inner)
        if entry is not None:
            found = [_file(ref, artifact, entry)]
        else:
            entries = artifact._stored().manifest.entries
            found = [
                _folder(ref, each) if isinstance(each, str) else _file(ref, artifact, each)
                for each in _children(entries, inner)
            ]
            if inner and not found:
                raise _no_entry(ref, inner)
        return found if detail else [each["name"] for each in found]

    def info(self, path: str, **_options: Any) -> dict[str, Any]:
        """Return ``name``, ``type`` and ``size`` of a file or folder; of a file ``digest``, too.

        Raises:
            RefNotFoundError: There is no such version.
            EntryNotFoundError: It has no such file or folder. It is a FileNotFoundError, too.
        """
        ref, inner = _split(self._strip_protocol(path))
        artifact = self._artifact(ref)
        manifest = artifact._stored().manifest
        entry = manifest.get(inner)
        if entry is not None:
            return _file(ref, artifact, entry)
        if inner and next(_children(manifest.entries, inner), None) is None:
            raise _no_entry(ref, inner)
        return _folder(ref, inner)

    def exists(self, path: str, **_options: Any) -> bool:
        """Whether there is such a file, folder or version.

        Raises:
            InvalidInputError: The path does not name a version.
            StorageError: The store cannot be asked.
        """
        try:
            self.info(path)
        except NotFoundError:
            return False
        return True

    def ukey(self, path: str) -> str:
        """Return the digest of a file, which says whether two files are equal."""
        return str(self.info(path)["digest"])

    def created(self, path: str) -> datetime:
        """Return when the version of a path was logged."""
        return self._artifact(_split(self._strip_protocol(path))[0]).created_at

    def modified(self, path: str) -> datetime:
        """Return the same as `created`: versions do not change."""
        return self.created(path)

    # -- reading

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_options: Any
    ) -> bytes:
        """Return the bytes of a file from ``start`` to ``end``, counted from its end if negative.

        Raises:
            EntryNotFoundError: There is no such file.
            IntegrityError: They are damaged.
        """
        [found] = self.cat_ranges([path], start, end, on_error="raise")
        return bytes(found)

    def cat_ranges(
        self,
        paths: list[str],
        starts: list[int | None] | int | None,
        ends: list[int | None] | int | None,
        max_gap: int | None = None,
        on_error: str = "return",
        **_options: Any,
    ) -> list[Any]:
        """Return ranges of files; each file is opened once, and read in the order of the ranges.

        Args:
            paths: One for each range.
            starts: First bytes; one number is that of all.
            ends: Ends; likewise.
            max_gap: Ranges that are near to each other are read together anyway.
            on_error: ``return`` errors in the place of bytes, or ``raise`` them.

        Raises:
            ValueError: There are not as many paths as ranges.
        """
        firsts = starts if isinstance(starts, list) else [starts] * len(paths)
        lasts = ends if isinstance(ends, list) else [ends] * len(paths)
        if not len(paths) == len(firsts) == len(lasts):
            raise InvalidInputError("there must be one path for each range")
        wanted: dict[str, list[int]] = {}
        for index, path in enumerate(paths):
            wanted.setdefault(path, []).append(index)
        found: list[Any] = [b""] * len(paths)
        for path, indexes in wanted.items():
            try:
                size = self.info(path)["size"]
                ranges = {i: slice(firsts[i], lasts[i]).indices(size)[:2] for i in indexes}
                with self.open(path, "rb") as file:
                    for index, (start, end) in sorted(ranges.items(), key=lambda item: item[1]):
                        file.seek(start)
                        # What goes on to the end is verified there, if it is the whole file.
                        found[index] = file.read(-1 if end == size else max(end - start, 0))
            except Exception as error:
                if on_error != "return":
                    raise
                for index in indexes:
                    found[index] = error
        return found

    def get_file(
        self,
        rpath: str,
        lpath: Any = None,
        callback: Any = fsspec.callbacks.DEFAULT_CALLBACK,
        outfile: Any = None,
        **options: Any,
    ) -> None:
        """Write a file to a path, under which it appears when it is complete and verified.

        Raises:
            IntegrityError: The bytes in the store are damaged.
        """
        if outfile is not None or fsspec.utils.isfilelike(lpath) or self.isdir(rpath):
            super().get_file(rpath, lpath, callback=callback, outfile=outfile, **options)
            return
        ref, inner = _split(self._strip_protocol(rpath))
        logged = self._artifact(ref)._stored()
        entry = logged.manifest.by_path[inner]
        callback.set_size(entry.size)
        logged.download_as(entry, fsspec.utils.stringify_path(lpath))
        callback.absolute_update(entry.size)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: Mapping[str, Any] | None = None,
        **_options: Any,
    ) -> IO[bytes]:
        if mode != "rb":
            self._refuse()
        ref, inner = _split(self._strip_protocol(path))
        artifact = self._artifact(ref)
        if artifact._stored().manifest.get(inner) is None:
            if self.isdir(path):
                raise IsADirectoryError(f"{path} is a folder")
            raise _no_entry(ref, inner)
        return artifact.open(inner)

    # -- names

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget what names mean, outside of a run; the next use of a name asks the store."""
        self._found.clear()
        self._pins.clear()
        super().invalidate_cache(path)

    def __reduce__(self) -> tuple[Any, ...]:
        store, entity, project = self._where
        for artifact in self._found.values():
            place = artifact._version().place
            store, entity, project = place.settings.store, place.entity, place.project
        pins = {**self._pins, **{ref: each.qualified_name for ref, each in self._found.items()}}
        return _restored, (type(self), store, entity, project, self.storage_options, pins)

    def _artifact(self, ref: str) -> Artifact:
        """Return the version that a name means."""
        run = _reads.current()
        if run is None:
            found = self._found.get(ref)
            # Of two threads that ask at once, both get what the first has found.
            return self._found.setdefault(ref, self._find(ref)) if found is None else found
        key = (self._where, self._pins.get(ref, ref))
        known: Artifact | None = run.names.get(key)
        if known is None:
            known = run.names.setdefault(key, self._find(ref))
        self._found[ref] = known
        return known

    def _find(self, ref: str) -> Artifact:
        store, entity, project = self._where
        place = _session.place(store=store, entity=entity, project=project, create=False)
        parsed, record = find_version(place, self._pins.get(ref, ref))
        return Artifact._from_record(place, record, Named.by(ref, parsed))

    # -- writing

    def _refuse(self, *_args: Any, **_options: Any) -> NoReturn:
        """Raise PermissionDeniedError: versions do not change."""
        raise PermissionDeniedError(
            "art:// is read-only: versions do not change",
            hint="log a new version with run.log_artifact()",
            kind="read_only",
        )

    mkdir = makedirs = rmdir = touch = _refuse
    rm = rm_file = _rm = mv = cp_file = put_file = pipe_file = _refuse


def _restored(
    class_: type[ArtifactFileSystem],
    store: str | None,
    entity: str | None,
    project: str | None,
    options: dict[str, Any],
    pins: dict[str, str],
) -> ArtifactFileSystem:
    """Return what was pickled; names mean what they meant where that was done."""
    where = {"store": store, "entity": entity, "project": project}
    given = {name: value for name, value in where.items() if value is not None}
    restored = class_(**{**options, **given})
    for ref, exact in pins.items():
        restored._pins.setdefault(ref, exact)
    return restored


def _split(path: str) -> tuple[str, str]:
    """Return the name of a version, and the path inside it.

    Raises:
        InvalidInputError: No version is named.
    """
    parts = path.split("/")
    for index, part in enumerate(parts[:_REF_PARTS]):
        if ":" in part or "@" in part:
            inner = "/".join(parts[index + 1 :]).rstrip("/")
            return "/".join(parts[: index + 1]), unicodedata.normalize("NFC", inner)
    raise InvalidInputError(
        f"art://{path} does not say which version is meant",
        hint="expected art://[[entity/]project/]name:alias/path, such as "
        "art://demo/corpus:latest/a.parquet",
        kind="bad_ref",
    )


def _children(entries: Sequence[Entry], folder: str) -> Iterator[Entry | str]:
    """Yield the files in a folder, and the paths of the folders in it.

    Args:
        entries: Of a version, in the order of their paths.
        folder: Its path; empty for the top.
    """
    prefix = f"{folder}/" if folder else ""
    index = bisect_left(entries, prefix, key=_path_of)
    while index < len(entries) and entries[index].path.startswith(prefix):
        name, slash, _ = entries[index].path[len(prefix) :].partition("/")
        if slash:
            yield prefix + name
            # What is below it is skipped, however much that is.
            index = bisect_left(entries, prefix + name + _AFTER_SLASH, index, key=_path_of)
        else:
            yield entries[index]
            index += 1


def _path_of(entry: Entry) -> str:
    return entry.path


def _file(ref: str, artifact: Artifact, entry: Entry) -> dict[str, Any]:
    return {
        "name": f"{ref}/{entry.path}",
        "type": "file",
        "size": entry.size,
        "digest": format_digest(entry.digest),
        "version": artifact.qualified_name,
        "created": artifact.created_at,
    }


def _folder(ref: str, path: str) -> dict[str, Any]:
    return {"name": f"{ref}/{path}" if path else ref, "type": "directory", "size": 0}


def _no_entry(ref: str, path: str) -> EntryNotFoundError:
    return EntryNotFoundError(
        f"{ref} does not contain {path!r}", hint=f"see its files with: art files {ref}"
    )


fsspec.register_implementation("art", ArtifactFileSystem, clobber=True)
