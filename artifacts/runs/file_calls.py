"""What a run does with files: it keeps those in its folder and those that are saved."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from artifacts import _session
from artifacts._find import MAX_RUN_PARTS, run_parts
from artifacts._recorded import RecordedRun
from artifacts._run_files import find_file, get_file, list_files
from artifacts._values import absolute, slashes
from artifacts.runs import file_matching
from artifacts.runs.file_policies import check_policy
from artifacts.store.errors import StateError, from_os_error
from artifacts.store.manifest import check_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from artifacts._run_files import RunFile
    from artifacts._session import Place
    from artifacts.runs.file_policies import Policy
    from artifacts.runs.files import RunFiles
    from artifacts.store.records import RunRecord

log = logging.getLogger("artifacts")


class FileCalls(RecordedRun):
    """The part of `Run` that saves files and brings them back."""

    _files: RunFiles
    _finished: bool

    @property
    def dir(self) -> str:
        """Absolute path of the run's own folder of files, which is made when it is asked for.

        What is in there when the run ends is stored as with `save` and the policy ``end``, and
        then removed from this machine; files that TensorBoard writes are stored meanwhile, too.
        Empty and hidden files, ``*.tmp`` and what the setting ``ignore_globs`` names are left
        out, and stay where they are.
        """
        return str(self._files.open())

    def save(
        self,
        glob_str: str | os.PathLike[str] | bytes | None = None,
        base_path: str | os.PathLike[str] | bytes | None = None,
        policy: Policy = "live",
        glob: bool = True,
    ) -> list[str] | Literal[True]:
        """Store files with the run, under their paths relative to a folder.

        A snapshot of each file is in the store on return: in a new version of the artifact
        ``run-<id>-files``, which has all files of the run. (With a remote store it is complete on
        this machine, and on its way there.) Files from elsewhere are linked into the run's
        folder, not copied: reading a returned path reads the file as it is by then, and it takes
        no space. Whatever becomes of the file, the run keeps the snapshot.

        Args:
            glob_str: A file, a folder with all that is in it, or a pattern as in the shell,
                without ``**``. It may be in the run's folder; a pattern then holds for files that
                come there later, too. Files elsewhere are looked for once. Without it the call
                does nothing.
            base_path: Folder to which the paths of the files in the run are relative. Default:
                the working directory; with an absolute path, only the folder that the file is in
                is kept of it, so that ``/data/a/x.txt`` becomes ``a/x.txt``.
            policy: ``now`` for this one snapshot. ``live`` also for another one whenever the file
                has changed, at most every 15 seconds and for large files less often, and when the
                run ends. ``end`` for another one when the run ends. What the last call says about
                a file holds.
            glob: Whether ``*``, ``?`` and ``[`` in ``glob_str`` have a meaning.

        Returns:
            Paths in the run's folder; none if nothing matches, or if it is a URL of a bucket.
            They are gone when the run has ended. True if ``glob_str`` is missing.

        Raises:
            ValueError: An argument cannot be used, a file would lie above ``base_path``, or two
                files would have the same path.
            IntegrityError: With policy ``now``: a file kept changing while it was read.
            StorageError: A file could not be read or stored.
            RunFinishedError: The run has ended.
        """
        self._check_running("save")
        if glob_str is None:
            log.warning(
                "Calling run.save without any arguments is deprecated. "
                "Changes to attributes are automatically persisted."
            )
            return True
        policy = check_policy(policy)
        text = file_matching.to_text(glob_str, "glob_str")
        base = None if base_path is None else file_matching.to_text(base_path, "base_path")
        if file_matching.is_cloud_url(text):
            log.warning(
                "%s is a cloud storage url, can't save file to the run; record it with "
                "Artifact.add_reference()",
                text,
            )
            return []
        place = self._place
        skip = [str(place.settings.run_dir), os.path.abspath(place.store.location)]
        found = file_matching.find(text, base, str(self._files.folder.path), expand=glob, skip=skip)
        paths = self._files.save(found, policy)
        if not paths:
            log.warning("nothing matches %s%s", text, _advice(text, expand=glob))
        elif found.flattened:
            log.warning(
                "of an absolute path one folder is kept: %s. Pass base_path= to keep more of it",
                os.path.relpath(paths[0], self._files.folder.path),
            )
        return paths

    def restore(
        self,
        name: str,
        run_path: str | None = None,
        replace: bool = False,
        root: str | os.PathLike[str] | None = None,
    ) -> TextIO | None:
        """Bring back a file that a run has saved, and open it for reading as text.

        A file that is there already is opened as it is. (For other contents than text, use the
        ``name`` of what is returned.)

        Args:
            name: Path among the files of the run.
            run_path: ``[[entity/]project/]id`` of the run that has it; default this run.
            replace: Fetch the file even if there is one.
            root: Folder in which it is put under its path; default the run's folder.

        Returns:
            The open file; None if the run has none of that name.

        Raises:
            InvalidInputError: The name is absolute or leaves the folder with ``..``.
            RunNotFoundError: There is no such run.
            StorageError: The store cannot be reached.
        """
        self._check_running("restore")
        run = self._record if run_path is None else _find_run(self._place, run_path)
        folder = absolute(root) if root is not None else self.dir
        return _restore(self._place, run, name, folder, replace=replace)

    def files(self, names: Iterable[str] | str | None = None, per_page: int = 50) -> list[RunFile]:
        """Return the files of the run that are in the store so far, in the order of their paths.

        Args:
            names: Only these paths.
            per_page: Accepted for compatibility; the list is complete.

        Raises:
            EntryNotFoundError: The store has no file of one of these names. It is a KeyError, too.
        """
        return list_files(self._place, self._record, names)

    def file(self, name: str) -> RunFile:
        """Return one file of the run that is in the store already.

        Args:
            name: Its path among the files of the run.

        Raises:
            EntryNotFoundError: The store has no such file. It is a KeyError, too.
        """
        return get_file(self._place, self._record, name)

    if TYPE_CHECKING:

        def _check_running(self, call: str) -> None:
            """Raise RunFinishedError if the run has ended; `ArtifactCalls` has it."""


def restore_without_run(
    name: str,
    run_path: str | None,
    *,
    replace: bool,
    root: str | os.PathLike[str] | None,
) -> TextIO | None:
    """Bring back a file while no run is active; see `FileCalls.restore`.

    Raises:
        StateError: It is not said of which run.
    """
    if run_path is None:
        raise StateError(
            "restore() needs run_path= when no run is active",
            hint="pass run_path='[[entity/]project/]id', or call artifacts.init() first",
            kind="no_active_run",
        )
    place = _session.place(create=False)
    run = _find_run(place, run_path)
    return _restore(place, run, name, absolute(root or "."), replace=replace)


def _find_run(place: Place, run_path: str) -> RunRecord:
    parts = run_parts(run_path)
    left_out = [place.entity, place.project][: MAX_RUN_PARTS - len(parts)]
    return place.store.catalog.run(*left_out, *parts)


def _restore(place: Place, run: RunRecord, name: str, root: str, *, replace: bool) -> TextIO | None:
    path = check_path(slashes(name))
    target = Path(root, path)
    if replace or not target.exists():
        _session.wait_for_deliveries(place.store)
        entry = find_file(place, run, path)
        if entry is None:
            return None
        entry.download(root)
    try:
        return target.open(encoding="utf-8")
    except OSError as error:
        raise from_os_error(error, f"read {target}") from error


def _advice(text: str, *, expand: bool) -> str:
    if expand and os.path.exists(text):
        return ": pass glob=False, since it is the name of a file"
    if not expand and file_matching.has_wildcard(text):
        return ": pass glob=True if it is a pattern"
    return ""
