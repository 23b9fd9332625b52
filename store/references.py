"""Entries whose bytes lie elsewhere: what is recorded of them, and how they are found again.

What is recorded of a file of this machine is a digest. Of a file behind a network nothing is read
when it is logged: what the service says of it has to do, and is compared before it is read.
"""

from __future__ import annotations

import enum
import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from artifacts.store import copying
from artifacts.store.errors import (
    ArtifactsError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    from_os_error,
)
from artifacts.store.manifest import Entry, Reference, check_path
from artifacts.store.objects.external import Found, changed, external

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from artifacts.store.objects.external import External
    from artifacts.store.progress import Progress

MAX_OBJECTS = 10_000_000
_PARALLEL = 16
_AHEAD = 8  # each may hold a range in memory
_BUFFER = 1 << 20


class ReferenceState(enum.StrEnum):
    """What has become of a referenced file."""

    OK = "ok"
    CHANGED = "changed"
    MISSING = "missing"
    UNREACHABLE = "unreachable"


class CheckedReference(NamedTuple):
    """A reference that was looked at.

    Attributes:
        entry: The reference.
        state: What has become of its file.
        detail: Why, unless it is as it was.
    """

    entry: Entry
    state: ReferenceState
    detail: str = ""


def is_remote(reference: Reference) -> bool:
    """Whether a reference leads away from the file system of this machine."""
    return urlsplit(reference.uri).scheme != "file"


# -- logging


def remote_entries(
    uri: str, name: str | None, *, checksum: bool = True, limit: int | None = None
) -> list[Entry]:
    """Return the entries for a file that is not on this machine, or for all files below a folder.

    Args:
        uri: Not ``file://``.
        name: Path of the file inside the artifact, or of the folder; default as at its place, and
            the root for a folder.
        checksum: Whether to ask the service. Otherwise there is one entry, which stands for
            whatever is at the URI, and nobody is asked.
        limit: The most entries; `MAX_OBJECTS` by default.

    Raises:
        InvalidInputError: The URI cannot be used, there is nothing, or there are too many files.
        ArtifactsError: The service cannot be asked.
    """
    place = external(uri)
    path = name.strip("/") if name else ""
    if not checksum:
        return [_entry(path or place.name, place.uri, Found(None, None, place.version_id))]
    found = place.stat()
    if found is not None:
        return [_entry(path or place.name, place.uri, found)]
    prefix = f"{check_path(path)}/" if path else ""
    maximum = MAX_OBJECTS if limit is None else limit
    entries: list[Entry] = []
    for below, where, state in _below(place):
        if len(entries) >= maximum:
            raise too_many(maximum)
        entries.append(_entry(prefix + below, where, state))
    if not entries:
        raise InvalidInputError(
            f"nothing to reference at {place.uri}",
            hint="check the address; what it names has to exist unless checksum=False is passed",
            kind="reference_missing",
        )
    return entries


def too_many(maximum: int) -> InvalidInputError:
    """Return the error for a folder of more files than may be referenced."""
    return InvalidInputError(
        f"Exceeded {maximum} objects tracked, pass max_objects to reference more",
        kind="too_many_objects",
    )


def _below(place: External) -> Iterator[tuple[str, str, Found]]:
    try:
        if place.version_id is None:  # a version is one of a file
            yield from place.list()
    except NotFoundError:
        return


def _entry(path: str, uri: str, found: Found) -> Entry:
    reference = Reference(uri, found.etag, found.version_id, hashed=False)
    # A size that is not known is recorded as 0.
    return Entry(check_path(path), reference.identity(), found.size or 0, reference=reference)


# -- reading


def open_reference(reference: Reference, *, size: int | None = None) -> IO[bytes]:
    """Open the file that a reference leads to; what is read is not compared with a digest here.

    Of a file that is not on this machine, only what is read is fetched, and only if the service
    says that it is the one that was logged; where versions are kept, it is the version that was.

    Args:
        size: Of the entry, compared if the service tells its own.

    Raises:
        InvalidInputError: Its scheme is not supported.
        IntegrityError: It is gone or has changed.
        ArtifactsError: It cannot be reached.
    """
    if not is_remote(reference):
        return _open_file(reference)
    place, found = _find(reference, size)
    file = place.open(found)
    return file if isinstance(file, io.BufferedIOBase) else io.BufferedReader(file, _BUFFER)  # type: ignore[type-var] # reads as it has to


@contextmanager
def opened_ahead(entries: Iterable[Entry]) -> Iterator[Iterator[Callable[[], IO[bytes]]]]:
    """Open the files of references in order, those behind a network several at once and ahead.

    Args:
        entries: All of them references.

    Yields:
        For each entry, a function that returns its open file, or raises what `open_reference`
        raises. It is to be called before the next one is asked for.
    """
    waiting: deque[Future[IO[bytes]]] = deque()
    with ThreadPoolExecutor(_AHEAD, thread_name_prefix="artifacts-refs") as pool:

        def start(entry: Entry) -> Future[IO[bytes]]:
            reference = entry.reference
            assert reference is not None
            if is_remote(reference):
                return pool.submit(open_reference, reference, size=entry.size)
            future: Future[IO[bytes]] = Future()
            try:
                future.set_result(_open_file(reference))
            except ArtifactsError as error:
                future.set_exception(error)
            return future

        def files() -> Iterator[Callable[[], IO[bytes]]]:
            for entry in entries:
                waiting.append(start(entry))
                if len(waiting) == _AHEAD:
                    yield waiting.popleft().result
            while waiting:
                yield waiting.popleft().result

        try:
            yield files()
        finally:
            for future in waiting:
                if not future.cancel() and future.exception() is None:
                    future.result().close()


def _open_file(reference: Reference) -> IO[bytes]:
    try:
        return open(local_path(reference), "rb", buffering=0)
    except OSError as error:
        raise IntegrityError(
            f"the referenced file {reference.uri} cannot be read: {error.strerror}",
            hint="restore it, or pass allow_missing_references=True",
            kind="reference_missing",
        ) from error


def local_path(reference: Reference) -> str:
    """Return the path of a ``file://`` reference."""
    return unquote(urlsplit(reference.uri).path)


def _find(reference: Reference, size: int | None) -> tuple[External, Found]:
    """Return the file with the state that was logged.

    Raises:
        IntegrityError: It is gone or has changed.
    """
    place = external(reference.uri, version_id=reference.version_id)
    found = place.stat()
    if found is not None and _is_as_logged(found, reference, size):
        return place, found
    if reference.etag is not None and reference.version_id is None:
        earlier = place.earlier(reference.etag, size)
        if earlier is not None:
            return place, earlier
    if found is not None:
        raise changed(reference.uri)
    version = f"version {reference.version_id} of " if reference.version_id else ""
    raise IntegrityError(
        f"{version}the referenced file {reference.uri} does not exist (any more)",
        hint="restore it, or pass allow_missing_references=True",
        kind="reference_missing",
    )


def _is_as_logged(found: Found, reference: Reference, size: int | None) -> bool:
    if reference.etag is not None and found.etag != reference.etag:
        return False
    return not (size and found.size is not None and found.size != size)


# -- checking


def check_references(
    entries: Iterable[Entry], progress: Progress | None = None
) -> Iterator[CheckedReference]:
    """Look at the files of references, several at once, and say what has become of them.

    Files of this machine of which a digest was recorded are read; others are not.

    Args:
        entries: Those that are no references are left out.
        progress: Told about every reference.
    """
    references = [entry for entry in entries if entry.reference is not None]
    if progress is not None:
        progress.start(len(references), 0)
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="artifacts-refs") as pool:
        try:
            for checked in pool.map(_check, references):
                if progress is not None:
                    progress.advance(1, 0)
                yield checked
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _check(entry: Entry) -> CheckedReference:
    reference = entry.reference
    assert reference is not None
    try:
        if is_remote(reference):
            _find(reference, entry.size)
        else:
            _check_file(entry, reference)
    except IntegrityError as error:
        state = _STATES.get(error.kind, ReferenceState.UNREACHABLE)
        return CheckedReference(entry, state, error.message)
    except ArtifactsError as error:
        return CheckedReference(entry, ReferenceState.UNREACHABLE, error.message)
    return CheckedReference(entry, ReferenceState.OK)


_STATES = {
    "reference_changed": ReferenceState.CHANGED,
    "reference_missing": ReferenceState.MISSING,
}


def _check_file(entry: Entry, reference: Reference) -> None:
    with _open_file(reference) as file:
        if reference.hashed:
            try:
                same = copying.hash_all(copying.pieces_of(file))[0] == entry.digest
            except OSError as error:
                raise from_os_error(error, f"read {reference.uri}") from error
        else:
            same = file.seek(0, io.SEEK_END) == entry.size
    if not same:
        raise changed(reference.uri)
