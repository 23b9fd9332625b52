"""Reading a DVC repository: what it tracks now, or what each commit has tracked."""

from __future__ import annotations

import hashlib
import json
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.importers import dvc_files
from artifacts.importers.dvc_files import Out, Stage, Tracked
from artifacts.importers.dvc_objects import DIRECTORY, Objects
from artifacts.importers.git import Git
from artifacts.importers.sources import (
    MICROSECONDS,
    Collected,
    SourceLink,
    SourceRun,
    SourceVersion,
    artifact_name,
    run_name,
    with_checksum,
)
from artifacts.store.errors import FormatError, StoreNotFoundError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOOL = "dvc"

_JOB = "dvc stage"
_SHORT = 12
_NOT_FETCHED = "it is neither in the cache nor in a remote that can be read here; try: dvc fetch"


def collect(folder: Path, work: Path, *, history: bool = False) -> Collected:
    """Read a DVC repository.

    Args:
        folder: The one in which ``.dvc`` is.
        work: An empty folder for files that are not on this machine; what is collected refers to
            files in it.
        history: Also what commits of all branches and tags have tracked.

    Raises:
        StoreNotFoundError: There is no such repository.
        ConfigError: Git or PyYAML is not installed.
        FormatError: A file is not what DVC writes.
        IntegrityError: The list of files of a folder is damaged.
        StorageError: Reading failed.
    """
    if not (folder / ".dvc").is_dir():
        raise StoreNotFoundError(
            f"there is no DVC repository in {folder}",
            hint="name the folder that holds .dvc",
            kind="source_not_found",
        )
    reader = _Reader(folder, Git(folder), work)
    if history:
        reader.read_history()
    reader.read_working_folder()
    return reader.finish()


class _Moment(NamedTuple):
    """What is tracked at one moment.

    Attributes:
        change: Returns when a file was changed last, in microseconds since 1970, and by which
            commit, None for what is not committed.
        read: Returns a file of the repository, None if there is none.
    """

    tracked: Tracked
    change: Callable[[str], tuple[int, str | None]]
    read: Callable[[str], bytes | None]


class _Found(NamedTuple):
    """A content of an output, when it was met first.

    Attributes:
        file: That says so.
    """

    out: Out
    moment: _Moment
    file: str


class _Reader:
    def __init__(self, folder: Path, git: Git, work: Path) -> None:
        self._folder = folder
        self._git = git
        self._objects = Objects(folder, work)
        self._collected = Collected(TOOL)
        self._repository = git.root_commit[:_SHORT]
        self._parsed: dict[str, Any] = {}
        self._found: dict[tuple[str, str], _Found] = {}
        self._stages: dict[str, tuple[Stage, _Moment]] = {}
        self._aliases: dict[tuple[str, str], list[str]] = {}
        self._current: dict[str, str] = {}
        self._order: dict[tuple[str, str], int] = {}
        self._described: Mapping[str, dvc_files.Described] = {}

    # -- moments

    def read_history(self) -> None:
        """Note what each commit has tracked, oldest first, and what tags name."""
        for commit in self._git.history(*dvc_files.PATTERNS):
            self._note(self._moment_of(commit.id, commit.at * MICROSECONDS))
        for tag, commit in self._git.tags().items():
            moment = self._moment_of(commit.id, commit.at * MICROSECONDS)
            self._note(moment)
            for out, _ in moment.tracked.outs.values():
                self._aliases.setdefault((out.path, out.md5), []).append(tag)

    def read_working_folder(self) -> None:
        """Note what is tracked now."""

        def read(path: str) -> bytes | None:
            try:
                return (self._folder / path).read_bytes()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                return None
            except OSError as error:
                raise from_os_error(error, f"read {self._folder / path}") from error

        def load(path: str) -> Any:
            data = read(path)
            return None if data is None else dvc_files.parse(data, path)

        def change(path: str) -> tuple[int, str | None]:
            committed = self._git.last_change(path)
            if committed is not None:
                return committed.at * MICROSECONDS, committed.id
            return (self._folder / path).stat().st_mtime_ns // 1000, None

        paths = [path for path in self._git.files() if (self._folder / path).is_file()]
        tracked = dvc_files.tracked(paths, load)
        self._note(_Moment(tracked, change, read))
        self._current = {path: out.md5 for path, (out, _) in tracked.outs.items()}
        self._described = tracked.described

    def _moment_of(self, commit: str, at: int) -> _Moment:
        blobs = self._git.files_at(commit)

        def read(path: str) -> bytes | None:
            return self._git.blob(blobs[path]) if path in blobs else None

        def load(path: str) -> Any:
            blob = blobs[path]
            if blob not in self._parsed:
                self._parsed[blob] = dvc_files.parse(self._git.blob(blob), path)
            return self._parsed[blob]

        def change(_path: str) -> tuple[int, str | None]:
            return at, commit

        return _Moment(dvc_files.tracked(blobs, load), change, read)

    def _note(self, moment: _Moment) -> None:
        for path, why in moment.tracked.refused:
            self._collected.leave_out(path, why)
        for out, file in moment.tracked.outs.values():
            self._found.setdefault((out.path, out.md5), _Found(out, moment, file))
        for stage in moment.tracked.stages:
            self._stages.setdefault(self._identity(stage), (stage, moment))

    def _identity(self, stage: Stage) -> str:
        """Return what tells one execution of a stage from all others."""
        text = json.dumps(stage.lock, sort_keys=True, default=str).encode()
        digest = hashlib.sha256(text).hexdigest()[:_SHORT]
        return f"{self._repository}:{stage.name}@{digest}"

    # -- in the terms of this product

    def finish(self) -> Collected:
        """Return everything that was noted."""
        names = self._names()
        self._order = {key: number for number, key in enumerate(self._found)}
        carried = set()
        for key, found in self._found.items():
            version = self._version(key, found, names[found.out.path])
            if version is not None:
                self._collected.versions.append(version)
                carried.add(key)
        for origin, (stage, moment) in self._stages.items():
            run = self._run(origin, stage, moment)
            self._collected.runs.append(run)
            self._add_links(run, stage, moment, carried)
        if len(carried) < len(self._found):
            for remote, why in self._objects.unread().items():
                self._collected.leave_out(f"remote {remote}", why)
        return self._collected

    def _names(self) -> dict[str, str]:
        """Return a name for each output; similar paths get names that differ."""
        paths = dict.fromkeys(path for path, _ in self._found)
        wanted = {path: self._name_of(path) for path in paths}
        taken: dict[str, list[str]] = {}
        for path, name in wanted.items():
            taken.setdefault(name, []).append(path)
        return {
            path: name if len(taken[name]) == 1 else with_checksum(path)
            for path, name in wanted.items()
        }

    def _name_of(self, path: str) -> str:
        described = self._described.get(path)
        return artifact_name(path if described is None else described.name)

    def _version(self, key: tuple[str, str], found: _Found, name: str) -> SourceVersion | None:
        out, moment = found.out, found.moment
        origin = f"{out.path}@{out.md5.removesuffix(DIRECTORY)}"
        files = self._objects.files(out, moment.read)
        if files is None:
            self._collected.leave_out(f"version {origin}", _NOT_FETCHED)
            return None
        at, commit = moment.change(found.file)
        about: dict[str, Any] = {"path": out.path, "md5": out.md5, "commit": commit}
        described = self._described.get(out.path)
        if described is not None:
            about |= described.metadata
        return SourceVersion(
            key=key,
            name=name,
            type=(described and described.type) or "dataset",
            files=files,
            created_at=at,
            origin=origin,
            description=described.description if described else None,
            metadata=about,
            aliases=self._collected.aliases(self._aliases.get(key, ()), origin),
            tags=self._collected.tags(described.tags if described else (), origin),
            is_newest=self._was_newest(key),
        )

    def _was_newest(self, key: tuple[str, str]) -> bool:
        """Whether a content was tracked up to now, or before what is tracked now."""
        path, _ = key
        if path not in self._current:
            return True
        return self._order[key] <= self._order[path, self._current[path]]

    def _run(self, origin: str, stage: Stage, moment: _Moment) -> SourceRun:
        at, commit = moment.change(stage.file)
        digest = origin.rpartition("@")[2]
        outs = {out.path for out, _ in moment.tracked.outs.values()}
        code = {dep.path: dep.md5 for dep in stage.deps if dep.path not in outs}
        return SourceRun(
            key=(origin,),
            id=run_name(f"{artifact_name(stage.name)}-{digest}"),
            name=stage.name,
            origin=origin,
            state="finished",
            created_at=at,
            finished_at=at,
            exit_code=0,
            job_type=_JOB,
            config=stage.params,
            summary=self._metrics(stage, moment),
            metadata={
                "command": stage.command,
                "git": {"commit": commit},
                "dependencies": code,
            },
        )

    def _metrics(self, stage: Stage, moment: _Moment) -> dict[str, Any]:
        """Return what the metrics of a stage were when it had run."""
        found: dict[str, Any] = {}
        for out in stage.outs:
            if out.path not in stage.metrics:
                continue
            files = None if out.md5.endswith(DIRECTORY) else self._objects.files(out, moment.read)
            told = None
            if files is not None:
                source = files[0].source
                data = source.read_bytes() if isinstance(source, Path) else source
                told = self._parse_metrics(data, out.path)
            if isinstance(told, dict):
                found |= told
            else:
                self._collected.leave_out(
                    f"metrics {out.path} of stage {stage.name}",
                    "they are not to be found, or hold no values by name",
                )
        return found

    def _parse_metrics(self, data: bytes, path: str) -> Any:
        if posixpath.splitext(path)[1] not in {".json", ".yaml", ".yml"}:
            return None
        try:
            return dvc_files.parse(data, path)  # JSON is YAML
        except FormatError:
            return None

    def _add_links(
        self, run: SourceRun, stage: Stage, moment: _Moment, carried: set[tuple[str, str]]
    ) -> None:
        for out in stage.outs:
            if (out.path, out.md5) in carried and out.path not in stage.metrics:
                self._link(run, (out.path, out.md5), is_output=True)
        for dep in stage.deps:
            source = self._source_of(dep, moment)
            if source in carried:
                self._link(run, source, is_output=False)
            elif source is not None or dep.path in moment.tracked.outs:
                self._collected.leave_out(
                    f"input {dep.path} of stage {stage.name}",
                    "the content that it has used is not among those that were carried over",
                )

    def _link(self, run: SourceRun, version: tuple[str, str], *, is_output: bool) -> None:
        link = SourceLink(run.key, version, is_output=is_output, at=run.created_at)
        self._collected.links.append(link)

    def _source_of(self, dep: Out, moment: _Moment) -> tuple[str, str] | None:
        """Return the output that a dependency is, or lies in; None if it is none."""
        if (dep.path, dep.md5) in self._found:
            return dep.path, dep.md5
        for out, _ in moment.tracked.outs.values():
            inside = dep.path.removeprefix(out.path + "/")
            if inside != dep.path and out.md5.endswith(DIRECTORY):
                listed = self._objects.listing(out) or {}
                if listed.get(inside) == dep.md5:
                    return out.path, out.md5
        return None
