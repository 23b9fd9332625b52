"""Whether a store works from this machine, and what to fix: catalog, objects, cache, outbox.

Everything is tried, not looked up: a right is there when its request goes through. What is written
for that lies below ``doctor/`` in the object store, where nothing else lies, and is deleted again.
"""

from __future__ import annotations

import contextlib
import copy
import enum
import io
import os
import secrets
import shutil
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.store import filesystems, opening, outbox
from artifacts.store.errors import (
    ArtifactsError,
    IntegrityError,
    ObjectNotFoundError,
    StorageError,
    from_os_error,
)
from artifacts.store.leases import EXPIRY
from artifacts.store.objects import WrappedObjects
from artifacts.store.objects.s3 import S3Objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from artifacts.store.catalog import Catalog
    from artifacts.store.objects import ObjectStore
    from artifacts.store.store import Store

FOLDER = "doctor"
"""Prefix of the keys that are tried."""

_MIB = 1 << 20
_SMALL = 1024
_SPEED_SIZE = 16 * _MIB
_ATOMIC_SIZE = 17 * _MIB  # more than goes to S3 in one request
_PROBES = 5
_SKEW = 5.0
_SLOW_CATALOG, _SLOW_OBJECTS = 0.1, 0.5
_LITTLE_SPACE = 10**9
_PACKAGES = {
    "s3": ("obstore", "s3fs", "aiobotocore", "botocore"),
    "postgresql": ("psycopg", "psycopg-binary"),
}


class State(enum.StrEnum):
    """How something is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing.

    Attributes:
        what: The thing, in few words.
        detail: How it is.
        hint: What to do about it, or None.
    """

    state: State
    what: str
    detail: str
    hint: str | None = None


def diagnose(store: Store) -> list[Finding]:
    """Try out everything that a store needs; takes as long as 70 MB take to be transferred."""
    return [
        *_catalog(store),
        *_objects(store),
        *_machine(store),
        *_leases(store),
        *_drivers(store),
    ]


def failure(what: str, error: ArtifactsError) -> Finding:
    """Return what an error says about a thing."""
    return Finding(State.FAIL, what, error.message, error.hint)


def try_objects(objects: ObjectStore) -> None:
    """Try whether objects can be stored, read, listed and deleted.

    Raises:
        ArtifactsError: One of it is not possible, or does not do what it should.
    """
    with _tried(objects) as key:
        for _, attempt in _attempts(objects, key):
            attempt()


# -- the catalog


def _catalog(store: Store) -> Iterator[Finding]:
    try:
        clock = _read_clock(store.catalog)
    except ArtifactsError as error:
        yield failure("catalog", error)
        return
    trip = f"answers in {clock.round_trip * 1000:.1f} ms"
    if clock.round_trip > _SLOW_CATALOG:
        hint = "every command waits for it several times: use a server that is nearer"
        yield Finding(State.WARN, "catalog", trip, hint)
    else:
        yield Finding(State.OK, "catalog", trip)
    if not store.shared:
        yield from _sqlite(store)
        return
    with _told("catalog rights") as told:
        told.extend(_server(store.catalog))
    yield from told
    side = "behind" if clock.skew > 0 else "ahead of"
    detail = f"{abs(clock.skew):.2f} s {side} the catalog's"
    if abs(clock.skew) > _SKEW:
        hint = "set the clock of this machine or of the server, best by NTP"
        yield Finding(State.WARN, "clock", detail, hint)
    else:
        yield Finding(State.OK, "clock", detail)


class _Clock(NamedTuple):
    """The catalog's clock, in seconds: ahead of ours by ``skew``."""

    skew: float
    round_trip: float


def _read_clock(catalog: Catalog) -> _Clock:
    catalog.now()  # connects
    found = []
    for _ in range(_PROBES):
        before, start = time.time(), time.perf_counter()
        there = catalog.now() / 1e6
        took = time.perf_counter() - start
        # It was read about half-way.
        found.append(_Clock(there - before - took / 2, took))
    # The quickest answer says most about the clock, the one in the middle about the network.
    skew = min(found, key=lambda clock: clock.round_trip).skew
    return _Clock(skew, statistics.median(clock.round_trip for clock in found))


def _sqlite(store: Store) -> Iterator[Finding]:
    folder = Path(store.location)
    kind = filesystems.kind(folder)
    if filesystems.is_network(folder):
        hint = "move the store to a local disk, or its catalog into PostgreSQL"
        detail = f"an SQLite file on {kind}, which several machines can damage"
        yield Finding(State.FAIL, "catalog file", detail, hint)
    else:
        detail = f"SQLite on {kind}; for this machine only"
        yield Finding(State.OK, "catalog file", detail)


# Rights on tables and on the sequences of their keys; what is set for a session, which a pooler
# in any other mode than `session` gives to somebody else.
_SERVER = """
WITH ours AS (
    SELECT oid FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
    AND relname IN ('store', 'projects', 'artifacts', 'versions', 'aliases', 'alias_events',
                    'runs', 'links', 'leases', 'objects', 'blobs', 'alembic_version')
)
SELECT current_setting('server_version'), current_schema(),
    (SELECT version_num FROM alembic_version),
    has_schema_privilege(current_schema(), 'CREATE'),
    (SELECT string_agg(DISTINCT wanted, ', ') FROM ours,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS wanted
        WHERE NOT has_table_privilege(ours.oid, wanted)),
    (SELECT count(*) FROM ours JOIN pg_depend ON refobjid = ours.oid AND deptype = 'a'
        JOIN pg_class AS sequence ON sequence.oid = objid
        WHERE CASE sequence.relkind  -- which is asked before, whatever the plan
            WHEN 'S' THEN NOT has_sequence_privilege(sequence.oid, 'USAGE') END),
    current_setting('idle_in_transaction_session_timeout') <> '0'
"""


def _server(catalog: Catalog) -> list[Finding]:
    row = catalog._db.read(lambda c: c.exec_driver_sql(_SERVER).one())
    version, schema, revision, may_create, missing, sequences, own_session = row
    found = [Finding(State.OK, "server", f"PostgreSQL {version}")]
    owner = "let the owner of the database run: "
    if missing or sequences:
        lacking = missing or "USAGE of sequences"
        hint = f"{owner}GRANT ALL ON ALL TABLES and ALL SEQUENCES of that schema"
        detail = f"{lacking} is missing in schema {schema}"
        found.append(Finding(State.FAIL, "catalog rights", detail, hint))
    elif not may_create:
        hint = f"{owner}GRANT CREATE ON SCHEMA {schema}; only upgrades need it"
        detail = f"no new tables in schema {schema}"
        found.append(Finding(State.WARN, "catalog rights", detail, hint))
    else:
        found.append(Finding(State.OK, "catalog rights", "read, write, make tables"))
    found.append(Finding(State.OK, "catalog schema", f"{revision} in {schema}"))
    if not own_session:
        hint = "set pool_mode = session, or connect to the server itself"
        detail = "settings of a session get lost: there is a pooler in transaction mode"
        found.append(Finding(State.FAIL, "pooler", detail, hint))
    return found


# -- the objects


def _objects(store: Store) -> Iterator[Finding]:
    objects = store.objects
    try:
        identity = opening.read_identity(objects)
    except ArtifactsError as error:
        yield failure("objects", error)
        return
    if identity == store.uuid:
        yield Finding(State.OK, "objects", f"belong to store {identity}")
    else:
        hint = "is the right folder mounted, the right bucket named?"
        detail = f"belong to store {identity}, the catalog to {store.uuid}"
        yield Finding(State.FAIL, "objects", detail, hint)
    with _told("objects: round trip") as told:
        told.append(_round_trip(objects))
    yield from told
    with _told("objects: delete") as told, _tried(objects) as key:
        told.extend(_rights(objects, key))
    yield from told
    # The rest is about writing, which may just have turned out impossible.
    if any(finding.state is State.FAIL for finding in told):
        return
    for what, check in (
        ("objects: checksums", _checksums),
        ("objects: atomic put", _atomic),
        ("objects: speed", _speed),
    ):
        with _told(what) as told, _tried(objects) as key:
            told.append(check(what, objects, key))
        yield from told


def _rights(objects: ObjectStore, key: str) -> Iterator[Finding]:
    for what, attempt in _attempts(objects, key):
        try:
            attempt()
        except ArtifactsError as error:
            yield failure(f"objects: {what}", error)
            if what == "put":
                yield from _reading(objects)
                return
        else:
            yield Finding(State.OK, f"objects: {what}", "works")


def _attempts(objects: ObjectStore, key: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what a store does with objects, and what tries it; in this order."""
    data = secrets.token_bytes(_SMALL)

    def get() -> None:
        with objects.open(key) as file:
            _same(key, file.read(), data)

    def find() -> None:
        found = [info for info in objects.list(f"{FOLDER}/") if info.key == key]
        if [info.size for info in found] != [_SMALL]:
            raise StorageError(f"object {key} was stored, and is not listed")
        if [info.size for info in objects.stat([key])] != [_SMALL]:
            raise StorageError(f"object {key} was stored, and is not found")

    def delete() -> None:
        objects.delete([key])
        if list(objects.stat([key])):
            raise StorageError(f"object {key} was deleted, and is still there")

    yield "put", lambda: objects.put(key, lambda: io.BytesIO(data), size=_SMALL)
    yield "get", get
    yield "get a range", lambda: _same(key, objects.fetch(key, 100, 200), data[100:300])
    yield "list", find
    yield "delete", delete


def _reading(objects: ObjectStore) -> Iterator[Finding]:
    """Try what somebody may do who may not write."""
    attempts: list[tuple[str, Callable[[], object]]] = [
        ("get", lambda: objects.fetch(opening.IDENTITY_KEY, 0, 1)),
        ("list", lambda: list(objects.list(f"{FOLDER}/"))),
    ]
    for what, attempt in attempts:
        try:
            attempt()
        except ArtifactsError as error:
            yield failure(f"objects: {what}", error)
        else:
            yield Finding(State.OK, f"objects: {what}", "works")


def _round_trip(objects: ObjectStore) -> Finding:
    took = []
    for _ in range(_PROBES):
        start = time.perf_counter()
        objects.fetch(opening.IDENTITY_KEY, 0, 1)
        took.append(time.perf_counter() - start)
    median = statistics.median(took)
    detail = f"{median * 1000:.1f} ms"
    if median > _SLOW_OBJECTS:
        hint = "use a region that is nearer, or look at the network in between"
        return Finding(State.WARN, "objects: round trip", detail, hint)
    return Finding(State.OK, "objects: round trip", detail)


def _checksums(what: str, objects: ObjectStore, key: str) -> Finding:
    """Find out whether the service refuses what was damaged on the way."""
    inner = _unwrapped(objects)
    if not isinstance(inner, S3Objects):
        return Finding(State.OK, what, "none on the way; every blob is verified when it is read")
    lying: Any = copy.copy(inner)
    lying._checksum = lambda data: inner._checksum(data[::-1])
    data = secrets.token_bytes(_SMALL)
    try:
        lying.put(key, lambda: io.BytesIO(data), size=_SMALL)
    except StorageError as error:
        if error.kind != "checksum_mismatch":
            raise
        return Finding(State.OK, what, "what was damaged on the way is refused")
    hint = "update the service; until then damage is found only when a blob is read"
    return Finding(State.WARN, what, "the service stores what was damaged on the way", hint)


def _atomic(what: str, objects: ObjectStore, key: str) -> Finding:
    """Look at a large object while it is being stored."""
    data = _random(_ATOMIC_SIZE)
    failed: list[BaseException] = []

    def put() -> None:
        try:
            objects.put(key, lambda: io.BytesIO(data), size=len(data))
        except BaseException as error:  # noqa: BLE001 - raised by the other thread
            failed.append(error)

    thread = threading.Thread(target=put, name="artifacts-doctor")
    thread.start()
    looks = 0
    torn: str | None = None
    try:
        while thread.is_alive():
            torn = torn or _torn(objects, key, data)
            looks += 1
    finally:
        thread.join()
    if failed:
        raise failed[0]
    with objects.open(key) as file:
        _same(key, file.read(), data)
    if torn is not None:
        hint = "use another service: a reader could take a part of an object for the whole"
        return Finding(State.FAIL, what, f"while it was stored, an object was there {torn}", hint)
    return Finding(State.OK, what, f"absent or whole, at each of {looks} looks")


def _torn(objects: ObjectStore, key: str, data: bytes) -> str | None:
    """Return how an object differs from what it is to be, None if it is absent or whole."""
    found = list(objects.stat([key]))
    if not found:
        return None
    if found[0].size != len(data):
        return f"with {found[0].size} of {len(data)} bytes"
    try:
        end = objects.fetch(key, len(data) - _SMALL, _SMALL)
    except ObjectNotFoundError:
        return "and gone again"
    return None if end == data[-_SMALL:] else "with other bytes"


def _speed(what: str, objects: ObjectStore, key: str) -> Finding:
    data = _random(_SPEED_SIZE)
    start = time.perf_counter()
    objects.put(key, lambda: io.BytesIO(data), size=len(data))
    up = time.perf_counter() - start
    start = time.perf_counter()
    with objects.open(key) as file:
        got = file.read()
    down = time.perf_counter() - start
    _same(key, got, data)
    rates = [f"{len(data) / 1e6 / max(took, 1e-9):,.0f} MB/s" for took in (up, down)]
    return Finding(State.OK, what, f"{rates[0]} up, {rates[1]} down, with one object of 16 MiB")


@contextlib.contextmanager
def _tried(objects: ObjectStore) -> Iterator[str]:
    """Yield a key that nobody uses, and leave nothing under it."""
    key = f"{FOLDER}/{secrets.token_hex(16)}"
    try:
        yield key
    except BaseException:
        # What went wrong first is what has to be told.
        with contextlib.suppress(ArtifactsError):
            _remove(objects, key)
        raise
    _remove(objects, key)


def _remove(objects: ObjectStore, key: str) -> None:
    if list(objects.stat([key])):
        objects.delete([key])
    path = objects.local_path(FOLDER)
    if path is not None:
        with contextlib.suppress(OSError):  # another doctor is at work
            path.rmdir()


def _unwrapped(objects: ObjectStore) -> ObjectStore:
    while isinstance(objects, WrappedObjects):
        objects = objects.wrapped
    return objects


def _same(key: str, found: bytes, expected: bytes) -> None:
    if found != expected:
        raise IntegrityError(
            f"object {key} does not hold what was stored: {len(found)} bytes, of which some are "
            "others",
            hint="do not use this service, or what lies in between",
        )


def _random(size: int) -> bytes:
    # Nothing on the way shall compress it.
    return b"".join(os.urandom(_MIB) for _ in range(size // _MIB))


# -- this machine


def _machine(store: Store) -> Iterator[Finding]:
    with _told("cache") as told:
        told.extend(_cache(store))
    yield from told
    yield _folder("staging", store.staging)
    if store.remote:
        yield _folder("outbox", store.outbox)
    with _told("outbox") as told:
        told.extend(_waiting(store))
    yield from told


def _cache(store: Store) -> Iterator[Finding]:
    cache = store.cache
    if cache is None:
        why = "switched off by cache_limit" if store.remote else "not needed: objects are local"
        yield Finding(State.OK, "cache", why)
        return
    writable = _folder("cache", cache.root)
    if writable.state is not State.OK:
        yield writable
        return
    if not cache.root.is_dir():  # asking would make it
        yield Finding(State.OK, "cache", f"{cache.root}: nothing in it yet")
        return
    info = cache.info()
    free = shutil.disk_usage(_existing(cache.root)).free
    detail = (
        f"{cache.root}: {_size(info.bytes)} of {_size(info.limit)}, {_size(free)} free on the disk"
    )
    if free < min(info.limit - info.bytes, _LITTLE_SPACE):
        hint = "free some space, or make it smaller: art config set cache_limit SIZE"
        yield Finding(State.WARN, "cache", detail, hint)
    elif filesystems.is_network(_existing(cache.root)):
        hint = "put it on a local disk: art config set cache_dir DIR"
        kind = filesystems.kind(_existing(cache.root))
        yield Finding(State.WARN, "cache", f"{detail}, which is {kind}", hint)
    else:
        yield Finding(State.OK, "cache", detail)


def _waiting(store: Store) -> Iterator[Finding]:
    found = outbox.pending(store)
    if found:
        total = _size(sum(waiting.size for waiting in found))
        detail = f"{len(found)} version(s), {total}, wait for their delivery"
        yield Finding(State.WARN, "outbox", detail, "finish the job with: art sync")


def _folder(what: str, path: Path) -> Finding:
    """Try to write into a folder, or where it is going to be made."""
    folder = _existing(path)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        found = from_os_error(error, f"write to {folder}")
        hint = found.hint or "correct the rights, or choose another folder: art config"
        return Finding(State.FAIL, what, found.message, hint)
    return Finding(State.OK, what, f"{path} can be written")


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _leases(store: Store) -> Iterator[Finding]:
    with _told("leases") as told:
        now = store.catalog.now()
        for lease in store.catalog.leases():
            silent = now - lease.renewed_at
            if silent > EXPIRY:
                detail = (
                    f"{lease.kind.value} of {lease.holder} gave no sign of life for "
                    f"{silent // 60_000_000} min"
                )
                told.append(
                    Finding(State.WARN, "leases", detail, "what it left is freed by art gc")
                )
    yield from told or [Finding(State.OK, "leases", "nobody was killed at work")]


def _drivers(store: Store) -> Iterator[Finding]:
    names = ["fsspec"] if store.remote else []
    objects, reads = _unwrapped(store.objects), ""
    if isinstance(objects, S3Objects):
        names += _PACKAGES["s3"]
        reads = f"; objects are read with {objects.reads_with}"
    if store.shared:
        names += _PACKAGES["postgresql"]
    found = []
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):  # psycopg has other ways
            found.append(f"{name} {metadata.version(name)}")
    if found:
        yield Finding(State.OK, "packages", ", ".join(found) + reads)


@contextlib.contextmanager
def _told(what: str) -> Iterator[list[Finding]]:
    """Collect findings; an error becomes one of them."""
    found: list[Finding] = []
    try:
        yield found
    except ArtifactsError as error:
        if all(finding.what != what for finding in found):
            found.append(failure(what, error))


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 10**9 else f"{count / 1e6:,.1f} MB"
