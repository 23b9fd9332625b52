"""What DVC writes into a repository: `dvc.yaml`, `dvc.lock` and files that end with `.dvc`."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.store.errors import ConfigError, FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PATTERNS = ("*.dvc", "dvc.lock", "dvc.yaml")
"""Which files those are."""

_DEFAULT_PARAMS = "params.yaml"


class Out(NamedTuple):
    """A file or folder with its checksum.

    Attributes:
        path: From the folder of the repository.
        of_text: Whether it may be the checksum of the text with Unix line ends, as DVC 2 has it.
    """

    path: str
    md5: str
    of_text: bool = False


class Stage(NamedTuple):
    """A stage as it was run last.

    Attributes:
        name: With the path of its ``dvc.yaml``, unless that is the one of the repository.
        lock: What ``dvc.lock`` says of it.
        file: Path of that file.
        metrics: Paths of the outputs that are metrics.
    """

    name: str
    lock: dict[str, Any]
    file: str
    command: str
    deps: list[Out]
    outs: list[Out]
    params: dict[str, Any]
    metrics: frozenset[str]


class Described(NamedTuple):
    """What a repository says of a model or dataset in the section ``artifacts``."""

    name: str
    type: str | None
    description: str | None
    tags: tuple[str, ...]
    metadata: dict[str, Any]


@dataclass(slots=True)
class Tracked:
    """All that is tracked at one moment.

    Attributes:
        outs: By path, each with the file that says so.
        described: By path of the output.
        refused: (path, why) of what has no content that can be found by its checksum.
    """

    outs: dict[str, tuple[Out, str]] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    described: dict[str, Described] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)


def is_ours(path: str) -> bool:
    """Whether DVC has written a file."""
    name = posixpath.basename(path)
    return name in {"dvc.yaml", "dvc.lock"} or (
        name.endswith(".dvc") and name != ".dvc" and not path.startswith(".dvc/")
    )


def tracked(paths: Iterable[str], load: Callable[[str], Any]) -> Tracked:
    """Return what the files of a repository say.

    Args:
        paths: Of its files.
        load: Returns one of them, parsed.

    Raises:
        FormatError: One of them is not what DVC writes.
    """
    found = Tracked()
    ours = {path for path in paths if is_ours(path)}
    for path in sorted(ours):
        try:
            _add(found, path, ours, load)
        except (TypeError, AttributeError, KeyError) as error:
            raise FormatError(f"{path} is not a file of DVC", kind="bad_source") from error
    return found


def parse(data: bytes, path: str) -> Any:
    """Return what a YAML file says.

    Raises:
        ConfigError: PyYAML is not installed.
        FormatError: It is not YAML.
    """
    try:
        import yaml
    except ImportError as error:
        raise ConfigError(
            "reading a DVC repository needs PyYAML, which is not installed",
            hint="install it with: pip install 'artifacts-cas[import]'",
            kind="not_installed",
        ) from error
    try:
        return yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise FormatError(f"{path} is not YAML", kind="bad_source") from error


def _add(found: Tracked, path: str, ours: set[str], load: Callable[[str], Any]) -> None:
    folder, name = posixpath.split(path)
    told = load(path) or {}
    if name == "dvc.yaml":
        for key, about in (told.get("artifacts") or {}).items():
            place = _join(folder, about["path"])
            found.described[place] = Described(
                key,
                about.get("type"),
                about.get("desc"),
                tuple(about.get("labels") or ()),
                dict(about.get("meta") or {}),
            )
    elif name == "dvc.lock":
        pipeline = posixpath.join(folder, "dvc.yaml")
        defined = (load(pipeline) or {}).get("stages") or {} if pipeline in ours else {}
        # Before the second format the stages were all that the file held.
        stages = told.get("stages", {}) if "schema" in told else told
        for key, lock in stages.items():
            _add_stage(found, path, key, lock, _definition(defined, key))
    else:
        base = _join(folder, told.get("wdir") or ".")
        for out in _outs(found, base, told.get("outs")):
            found.outs[out.path] = out, path


def _definition(stages: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what ``dvc.yaml`` says of a stage, which may be one of many made of a template."""
    about: dict[str, Any] = stages.get(name) or stages.get(name.partition("@")[0]) or {}
    inner: dict[str, Any] = about.get("do") or about
    return inner


def _add_stage(
    found: Tracked, path: str, key: str, lock: dict[str, Any], about: dict[str, Any]
) -> None:
    folder = posixpath.dirname(path)
    base = _join(folder, about.get("wdir") or ".")
    command = lock.get("cmd") or ""
    params = dict(lock.get("params") or {})
    outs = list(_outs(found, base, lock.get("outs")))
    stage = Stage(
        name=f"{folder}:{key}" if folder else key,
        lock=lock,
        file=path,
        command="\n".join(command) if isinstance(command, list) else command,
        deps=list(_outs(None, base, lock.get("deps"))),
        outs=outs,
        # Those of the file that DVC reads by itself stand for themselves.
        params={**(params.pop(_DEFAULT_PARAMS, None) or {}), **params},
        metrics=frozenset(_paths(base, about.get("metrics"))),
    )
    found.stages.append(stage)
    for out in outs:
        if out.path not in stage.metrics:
            found.outs[out.path] = out, path


def _outs(found: Tracked | None, base: str, outs: list[dict[str, Any]] | None) -> Iterator[Out]:
    """Yield outputs or dependencies; note those that cannot be found by a checksum."""
    for out in outs or ():
        path = _join(base, out["path"])
        if "://" in out["path"] or path.startswith(("../", "/")):
            why = "it is outside of the repository"
        elif not is_checksum(out.get("md5")):
            why = "DVC has recorded no MD5 of it"
        else:
            yield Out(path, out["md5"], of_text="hash" not in out)
            continue
        if found is not None:
            found.refused.append((out["path"], why))


def is_checksum(text: object) -> bool:
    """Whether a text is an MD5, of a file or of the list of a folder."""
    return isinstance(text, str) and re.fullmatch(r"[0-9a-f]{32}(\.dir)?", text) is not None


def _paths(base: str, listed: list[Any] | None) -> Iterator[str]:
    for each in listed or ():
        yield _join(base, each if isinstance(each, str) else next(iter(each)))


def _join(base: str, path: str) -> str:
    joined = posixpath.normpath(posixpath.join(base, path))
    return "" if joined == "." else joined
