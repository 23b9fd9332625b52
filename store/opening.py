"""Where a store is, and how its two halves are found and opened.

A store is addressed by a folder, which holds its parts or a file that says where they are, by the
URL of its catalog (``postgresql://…``), or by that of its objects (``s3://…``). Each half says
where the other one is, so that one address is enough on every machine. Credentials are in neither.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from artifacts.store import filesystems
from artifacts.store.catalog import Catalog
from artifacts.store.errors import (
    AlreadyExistsError,
    ConfigError,
    FormatError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StoreNotFoundError,
    from_os_error,
)
from artifacts.store.format import FORMAT
from artifacts.store.objects import GuardedObjects, LocalObjects, open_objects

if TYPE_CHECKING:
    from artifacts.store.objects import ObjectStore

IDENTITY_KEY = "store.json"

_CONFIG = "store.toml"
_UNFINISHED = "store.toml.new"
_CATALOG = "catalog.sqlite"
_OBJECTS = "objects"
_STAGING = "staging"
_GITIGNORE = ".gitignore"
_PARTS = ("objects", "catalog")
_POSTGRES = ("postgresql", "postgres")


@dataclass(frozen=True, slots=True)
class Opened:
    """An open store's parts.

    Attributes:
        location: The address, as text.
        identity: Its UUID, the same in both halves.
        staging: Folder for files that are being made; on the file system of local objects.
        remote: Whether objects are behind a network, so that a cache pays.
    """

    location: str
    identity: str
    catalog: Catalog
    objects: ObjectStore
    staging: Path
    remote: bool


@dataclass(frozen=True, slots=True)
class _Parts:
    """Addresses of the halves: URLs, or None for the usual place below ``root``."""

    location: str
    root: Path | None
    objects: str | None
    catalog: str | None


def create(
    location: str | Path,
    *,
    objects: str | None,
    catalog: str | None,
    cache_dir: Path | None,
) -> Opened:
    """Make a store; see `store.Store.create`."""
    root = _root(location)
    if is_store(root):
        raise AlreadyExistsError(f"there is a store already at {root}")
    parts = _Parts(str(root), root, _absolute(objects), catalog)
    _refuse_network(parts)
    _make_root(root)
    if parts.objects or parts.catalog:
        # Under another name, so that the folder is not taken for an embedded store meanwhile.
        _write_config(root, parts)
    opened = _open(parts, cache_dir, writable=True, making=True)
    if parts.objects or parts.catalog:
        _publish_config(root)
    return opened


def open_location(
    location: str | Path, *, make: bool, cache_dir: Path | None, rebuild: bool = False
) -> Opened:
    """Open a store; see `store.Store.open`.

    Args:
        rebuild: Also if its catalog is gone or empty: the objects say which store it is.
    """
    text = str(location)
    if "://" in text and not text.startswith("file://"):
        return _open_url(text, cache_dir, rebuild=rebuild)
    root = _root(text)
    damaged = (objects_path(root) / IDENTITY_KEY).exists()
    if not is_store(root) and not (rebuild and damaged):
        if not make:
            raise StoreNotFoundError(
                f"there is no store at {root}" + (" (its catalog is missing)" if damaged else ""),
                hint="rebuild the catalog with: art check --rebuild"
                if damaged
                else "make one with: art init",
            )
        if (root / _UNFINISHED).exists():
            raise StoreNotFoundError(
                f"the store at {root} was never finished",
                hint="repeat the art init with which it was begun, or remove the folder",
            )
        return _create_or_join(root, cache_dir)
    config = _read_config(root)
    parts = _Parts(str(root), root, config.get("objects"), config.get("catalog"))
    _refuse_network(parts)
    writable = parts.catalog is not None or os.access(root, os.W_OK)
    return _open(parts, cache_dir, writable=writable, rebuild=rebuild)


def _create_or_join(root: Path, cache_dir: Path | None) -> Opened:
    """Make an embedded store, unless another process is faster."""
    parts = _Parts(str(root), root, None, None)
    _refuse_network(parts)
    _make_root(root)
    return _open(parts, cache_dir, writable=True)


def remote_parts(location: str | Path) -> list[str]:
    """Return the addresses of those parts of a store that are behind a network.

    Nothing is asked of them; a store that does not exist has none.

    Raises:
        ConfigError: The file that says where they are cannot be read.
    """
    text = str(location)
    if "://" in text and not text.startswith("file://"):
        return [text]
    found = _read_config(_root(text)).values()
    return [part for part in found if "://" in part and not part.startswith("file://")]


def key_of(location: str | Path) -> str | None:
    """Return a name for a store that is the same whenever it is asked for; None if it is local.

    It can be told without the store: a folder that says where the parts are, and the address of
    its catalog, have the same one.
    """
    found = sorted(remote_parts(location), key=lambda url: (not _is_catalog(url), url))
    if not found:
        return None
    return hashlib.sha256(found[0].encode()).hexdigest()[:16]


def _is_catalog(url: str) -> bool:
    return url.partition("://")[0] in _POSTGRES


def public(url: str) -> str:
    """Return a URL without what may be a password in it."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def is_store(root: Path) -> bool:
    """Whether there is a store in this folder."""
    if (root / _CONFIG).exists():
        return True
    return catalog_path(root).exists() and not (root / _UNFINISHED).exists()


def catalog_path(root: Path) -> Path:
    """Return where an embedded store keeps its catalog."""
    return root / _CATALOG


def objects_path(root: Path) -> Path:
    """Return where an embedded store keeps its objects."""
    return root / _OBJECTS


def write_identity(objects: ObjectStore, identity: str, catalog: str | None = None) -> None:
    """Say in the object store which store its objects belong to, and where its catalog is."""
    said = {"format": FORMAT, "uuid": identity} | ({"catalog": catalog} if catalog else {})
    data = orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n"
    objects.put(IDENTITY_KEY, lambda: io.BytesIO(data), size=len(data))


def read_identity(objects: ObjectStore) -> str | None:
    """Return the UUID of the store that the objects belong to, or None if they do not say.

    Raises:
        FormatError: The objects are of a newer format.
    """
    said = _read_said(objects)
    return None if said is None else str(said["uuid"])


def _read_said(objects: ObjectStore) -> dict[str, Any] | None:
    try:
        with objects.open(IDENTITY_KEY) as file:
            said = orjson.loads(file.read())
        version, _ = said["format"], str(said["uuid"])
    except ObjectNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"{IDENTITY_KEY} of the object store is damaged") from error
    if version != FORMAT:
        raise _too_new(version)
    return dict(said)


def _open_url(url: str, cache_dir: Path | None, *, rebuild: bool) -> Opened:
    """Open a store by the address of one of its halves."""
    if _is_catalog(url):
        parts = _Parts(public(url), None, None, url)
        return _open(parts, cache_dir, writable=True, rebuild=rebuild)
    said = _read_said(open_objects(url))
    if said is None:
        raise StoreNotFoundError(
            f"there is no store at {public(url)}",
            hint=f"make one with: art init --objects {public(url)} --catalog postgresql://…",
        )
    if not said.get("catalog"):
        raise ConfigError(
            f"the catalog of the store at {public(url)} is an SQLite file on the machine that "
            "made it",
            hint="use it there, or keep the catalog of a shared store in PostgreSQL",
            kind="no_shared_catalog",
        )
    parts = _Parts(public(url), None, url, str(said["catalog"]))
    return _open(parts, cache_dir, writable=True, rebuild=rebuild)


def _open(
    parts: _Parts,
    cache_dir: Path | None,
    *,
    writable: bool,
    making: bool = False,
    rebuild: bool = False,
) -> Opened:
    catalog = (
        Catalog.open_url(parts.catalog)
        if parts.catalog is not None
        else Catalog.sqlite(catalog_path(_known(parts.root)), read_only=not writable)
    )
    try:
        address = parts.objects
        if address is None and parts.root is None:
            address = catalog.objects_url()
            if address is None:
                raise StoreNotFoundError(
                    f"the database {parts.location} holds no store that was finished",
                    hint="make one with: art init --objects URL --catalog URL",
                )
        objects, staging, remote = _open_objects(address, parts.root, cache_dir)
        entered = catalog.identity() if remote and not (making or rebuild) else None
        if entered is not None:
            # Asked when they are first used: a pull from the cache needs nothing of them.
            identity = entered[0]

            def check(found: ObjectStore) -> None:
                _identify(catalog, found, parts, address, writable=writable, rebuild=False)

            objects = GuardedObjects(objects, check)
        else:
            identity = _identify(
                catalog, objects, parts, address, writable=writable, rebuild=rebuild
            )
    except BaseException:
        catalog.close()
        raise
    return Opened(parts.location, identity, catalog, objects, staging, remote)


def _open_objects(
    address: str | None, root: Path | None, cache_dir: Path | None
) -> tuple[ObjectStore, Path, bool]:
    """Return the object store, a folder for staging, and whether it is remote."""
    if address is None:
        root = _known(root)
        return LocalObjects(objects_path(root)), root / _STAGING, False
    if "://" not in address or address.startswith("file://"):
        folder = Path(address.removeprefix("file://"))
        return LocalObjects(objects_path(folder)), folder / _STAGING, False
    if cache_dir is None:
        cache_dir = Path(tempfile.gettempdir()) / f"artifacts-{os.getuid()}"
    return open_objects(address), cache_dir / _STAGING, True


def _identify(
    catalog: Catalog,
    objects: ObjectStore,
    parts: _Parts,
    address: str | None,
    *,
    writable: bool,
    rebuild: bool,
) -> str:
    """Return the store's UUID; a new store gets one, catalog first."""
    on_objects = read_identity(objects)
    entered = catalog.identity()
    if rebuild and on_objects is None:
        raise StoreNotFoundError(f"there are no objects of a store at {address or parts.location}")
    if entered is None and rebuild and writable:
        entered = catalog.identify(str(on_objects), FORMAT, address)
    if entered is None and writable:
        if on_objects is not None:
            raise FormatError(
                "the catalog is empty, but the object store belongs to a store already",
                hint="rebuild the catalog with: art check --rebuild",
                kind="store_mismatch",
            )
        entered = catalog.identify(str(uuid.uuid4()), FORMAT, address)
    if entered is None:
        raise FormatError("the store has no identity: it was never finished", kind="store_mismatch")
    identity, version = entered
    if version != FORMAT:
        raise _too_new(version)
    if on_objects is None:
        # Another process may have finished making the store since we looked.
        on_objects = read_identity(objects)
    if on_objects is None and writable and not catalog.list_objects():
        write_identity(objects, identity, parts.catalog)
    elif on_objects != identity:
        raise FormatError(
            f"catalog (store {identity}) and objects (store {on_objects}) do not belong together",
            hint="is the right folder mounted, the right bucket named?",
            kind="store_mismatch",
        )
    return identity


def _make_root(root: Path) -> None:
    """Make the folder of a new store, or go on with one that was not finished."""
    own = {_GITIGNORE, _OBJECTS, _STAGING, _UNFINISHED}
    try:
        root.mkdir(parents=True, exist_ok=True)
        if any(name not in own and not name.startswith(_CATALOG) for name in os.listdir(root)):
            raise AlreadyExistsError(
                f"{root} is not empty", hint="choose another folder for the store"
            )
        # A store inside a project's folder does not belong into its Git history.
        with contextlib.suppress(FileExistsError), (root / _GITIGNORE).open("x") as file:
            file.write("*\n")
    except OSError as error:
        raise from_os_error(error, f"make a store at {root}") from error


def _write_config(root: Path, parts: _Parts) -> None:
    values = {"objects": parts.objects, "catalog": parts.catalog}
    # A JSON string is a TOML string.
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items() if value]
    text = "# Where the parts of this store are. Credentials do not belong here.\n" + "".join(lines)
    try:
        (root / _UNFINISHED).write_text(text)
    except OSError as error:
        raise from_os_error(error, f"write {root / _UNFINISHED}") from error


def _publish_config(root: Path) -> None:
    """Make the folder a store."""
    try:
        (root / _UNFINISHED).replace(root / _CONFIG)
        # Whoever clones the project finds the store by it.
        (root / _GITIGNORE).write_text(f"*\n!{_GITIGNORE}\n!{_CONFIG}\n")
    except OSError as error:
        raise from_os_error(error, f"write {root / _CONFIG}") from error


def _read_config(root: Path) -> dict[str, str]:
    path = root / _CONFIG
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise PermissionDeniedError(f"{path} cannot be read") from error
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    import tomllib

    try:
        config = tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    unknown = config.keys() - set(_PARTS)
    if unknown or not all(isinstance(value, str) for value in config.values()):
        raise ConfigError(
            f"{path} may say where objects and catalog are, and nothing else",
            hint="update with: pip install -U artifacts-cas" if unknown else None,
        )
    return {name: str(value) for name, value in config.items()}


def _refuse_network(parts: _Parts) -> None:
    if parts.catalog is None and parts.root is not None and filesystems.is_network(parts.root):
        raise ConfigError(
            f"{parts.root} is on a network file system ({filesystems.kind(parts.root)}), on which "
            "an SQLite catalog can be damaged",
            hint="put the store on a local disk, or its catalog into PostgreSQL with: "
            "art init --objects DIR --catalog postgresql://…",
            kind="network_filesystem",
        )


def _root(location: str | Path) -> Path:
    text = str(location).removeprefix("file://")
    if "://" in text:
        raise ConfigError(
            f"{public(text)} is not a folder",
            hint="give the URL with --objects or --catalog, and the folder of the project",
            kind="unsupported_store",
        )
    return Path(text).expanduser().absolute()


def _absolute(objects: str | None) -> str | None:
    """Return the address of objects with a path made absolute: other machines may mount it."""
    if objects is None or "://" in objects:
        return objects
    return str(Path(objects).expanduser().absolute())


def _known(root: Path | None) -> Path:
    assert root is not None  # a store without a folder has URLs for both halves
    return root


def _too_new(version: object) -> FormatError:
    return FormatError(
        f"this store has format {version}; this program knows format {FORMAT}",
        hint="update with: pip install -U artifacts-cas",
        kind="store_too_new",
    )
