"""Running a run again: with its inputs, its code and its command, and comparing what comes out.

The command runs against a store of its own, which holds nothing but the inputs, under the names
by which the run has found them. So it sees the versions that the run saw, and nothing that it does
changes the store or the aliases of others.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts._compared_outputs import OutputComparison, compare_outputs
from artifacts._logged import Named
from artifacts._run_code import CODE_TYPE, DIFF_FILE, find_code
from artifacts._run_command import command_of, locate, obstacle_of
from artifacts._run_inputs import check_restorable, folder_names
from artifacts._values import absolute
from artifacts.store.errors import (
    AlreadyExistsError,
    StateError,
    from_os_error,
)
from artifacts.store.records import LinkKind
from artifacts.store.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifacts._run_code import RunCode
    from artifacts._session import Place
    from artifacts.store.progress import Progress
    from artifacts.store.records import LinkRecord, VersionRecord
    from artifacts.store.store import Store
    from artifacts.stored_run import StoredRun

INPUTS, CODE, STORE = "inputs", "code", "store"
PLAN_FILE, REQUIREMENTS_FILE, LOG_FILE = "reproduce.json", "requirements.txt", "output.log"


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package of which another version, or none, is installed.

    Attributes:
        recorded: The version that the run had; None if it had none.
        here: The version that is installed here; None if there is none.
    """

    name: str
    recorded: str | None
    here: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has come of running a run again.

    Attributes:
        exit_code: Of the command; below zero for the signal that has ended it.
        outputs: What the run had logged, and what is logged now.
        log: Path of the file with everything that the command has printed.
    """

    exit_code: int
    outputs: tuple[OutputComparison, ...]
    log: str

    @property
    def reproduced(self) -> bool:
        """Whether the command has succeeded, and all outputs are identical."""
        return self.exit_code == 0 and all(each.status == "identical" for each in self.outputs)


class Reproduction:
    """What it takes to run a run again. Made by `Api.reproduce`.

    Nothing is written before `prepare`, and nothing is executed before `execute`.

    Attributes:
        run: The run.
        inputs: The versions that it has used.
        outputs: The versions that it has logged, without its code.
        code: Where its code can be had.
        command: What it has executed, with the Python of this process; None if that is not known.
        python: The version of Python that it had, and the one that is here; None if not known.
        packages: In what the installed packages differ.
        obstacle: Why it cannot be executed again; None if it can.
    """

    def __init__(self, place: Place, run: StoredRun, here: Path) -> None:
        catalog, key = place.store.catalog, run.key
        self._place = place
        self._links: list[LinkRecord] = catalog.links_of_runs([key], LinkKind.INPUT)
        logged = run.logged_artifacts()
        self.run = run
        self.inputs: tuple[VersionRecord, ...] = tuple(link.version for link in self._links)
        self.outputs: tuple[VersionRecord, ...] = tuple(
            each.record for each in logged if each.type != CODE_TYPE
        )
        self.code: RunCode = find_code(run, logged, here)
        self.command = command_of(run.metadata)
        recorded = run.metadata.get("python")
        self.python = None if recorded is None else (recorded, platform.python_version())
        self.packages = _package_changes(run.metadata.get("packages"))
        self.obstacle = self.code.obstacle or obstacle_of(run.metadata)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        return {
            "run": "/".join(self.run.path),
            "inputs": [
                {"version": each.ref, "folder": f"{INPUTS}/{name}"}
                for each, name in zip(self.inputs, folder_names(self.inputs), strict=True)
            ],
            "outputs": [each.ref for each in self.outputs],
            "command": None if self.command is None else list(self.command),
            "code": self.code.to_dict(),
            "python": None
            if self.python is None
            else dict(zip(("recorded", "here"), self.python, strict=True)),
            "packages": [
                {"name": each.name, "recorded": each.recorded, "here": each.here}
                for each in self.packages
            ],
            "obstacle": self.obstacle,
        }

    def prepare(self, root: str | os.PathLike[str], *, progress: Progress | None = None) -> None:
        """Write inputs, code, environment and this plan into a new folder.

        ``inputs/`` has a folder for each input, ``code/`` the code if it can be had,
        ``requirements.txt`` the packages that the run had, ``reproduce.json`` this plan.

        Args:
            root: The folder; it must be empty, or not exist.
            progress: Told about every file.

        Raises:
            AlreadyExistsError: There is something in the folder.
            StateError: Inputs were deleted or are broken; nothing was written.
            IntegrityError: Stored bytes are damaged.
            StorageError: Writing failed.
        """
        folder = Path(absolute(root))
        check_restorable(self._place, self.run._record, self.inputs)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise AlreadyExistsError(
                    f"{folder} is not empty", hint="choose a new folder: -o DIR", kind="not_empty"
                )
            self._write(folder)
        except OSError as error:
            raise from_os_error(error, f"write to {folder}") from error
        if self.inputs:
            self.run.checkout(folder / INPUTS, progress=progress)
        if self.code.obstacle is None:
            self.code.write(folder / CODE)

    def execute(self, root: str | os.PathLike[str]) -> Outcome:
        """Run the command in a folder that was prepared, and compare what it logs.

        It runs in ``code/`` with a store of its own in ``store/``; what it prints goes to
        ``output.log``. There is no shell in between. A program that names a store itself uses
        that one, and its outputs are missing here.

        Args:
            root: As for `prepare`.

        Raises:
            StateError: The run cannot be executed again, the folder was not prepared, or it was
                used before.
        """
        folder = Path(absolute(root))
        self._check_executable(folder)
        assert self.command is not None
        workdir, command = locate(folder / CODE, self.command, self.run.metadata)
        store = self._scratch_store(folder)
        try:
            log = folder / LOG_FILE
            with log.open("wb") as output:
                done = subprocess.run(
                    command,
                    cwd=workdir,
                    env=self._environment(store.location),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
            outputs = compare_outputs(self._place.store, self.run.id, self.outputs, store)
            return Outcome(done.returncode, tuple(outputs), str(log))
        except OSError as error:
            raise from_os_error(error, f"run {command[0]}") from error
        finally:
            store.close()

    def _write(self, folder: Path) -> None:
        plan = json.dumps(self.to_dict(), indent=2) + "\n"
        (folder / PLAN_FILE).write_text(plan, encoding="utf-8")
        packages: Mapping[str, str] = self.run.metadata.get("packages") or {}
        lines = "".join(f"{name}=={version}\n" for name, version in packages.items())
        (folder / REQUIREMENTS_FILE).write_text(lines, encoding="utf-8")
        if self.code.diff is not None:
            self.code.diff.download(folder)
            assert self.code.diff.name == DIFF_FILE

    def _check_executable(self, folder: Path) -> None:
        if self.obstacle is not None:
            raise StateError(
                f"run {self.run.id} cannot be executed again: {self.obstacle}",
                hint="its inputs can be restored all the same, without --run",
                kind="not_executable",
            )
        if not (folder / PLAN_FILE).is_file():
            raise StateError(f"{folder} was not prepared", hint="call prepare() first")
        if (folder / STORE).exists():
            raise StateError(
                f"{folder} was used before", hint="prepare another folder", kind="used_before"
            )

    def _scratch_store(self, folder: Path) -> Store:
        """Make a store with the inputs alone, under the names by which the run has found them."""
        from artifacts.store.catalog.export import Selection
        from artifacts.store.exporting import export
        from artifacts.store.importing import import_bundle
        from artifacts.store.store import Store

        store = Store.create(folder / STORE)
        try:
            if self.inputs:
                bundle = folder / f".{INPUTS}.tar"
                chosen = Selection(frozenset(each.id for each in self.inputs), frozenset())
                try:
                    export(self._place.store, bundle, selection=chosen)
                    import_bundle(store, bundle)
                finally:
                    bundle.unlink(missing_ok=True)
            for link in self._links:
                _name_again(store, link)
        except BaseException:
            store.close()
            raise
        return store

    def _environment(self, store: str) -> dict[str, str]:
        # Settings of this process are about its own work.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ART_")}
        return {
            **kept,
            "ART_STORE": store,
            "ART_ENTITY": self.run.entity,
            "ART_PROJECT": self.run.project,
        }


def _name_again(store: Store, link: LinkRecord) -> None:
    """Make the alias by which a run has found an input lead to it in another store."""
    alias = Named.by(link.ref_text, Ref.parse(link.ref_text)).alias if link.ref_text else None
    version = link.version
    exact = Ref(version.entity, version.project, version.name, version.version)
    here = store.catalog.resolve(exact, entity=version.entity, project=version.project)
    if alias is None or alias in here.aliases:
        return
    store.catalog.edit_version(
        here,
        description=here.description,
        metadata=here.metadata,
        aliases=(*here.aliases, alias),
        tags=here.tags,
        ttl=here.ttl,
        force=True,
    )


def _package_changes(recorded: Mapping[str, str] | None) -> tuple[PackageChange, ...]:
    """Return in what the packages of a run differ from those here."""
    from artifacts.runs.environment import packages

    if recorded is None:
        return ()
    here = packages()
    return tuple(
        PackageChange(name, recorded.get(name), here.get(name))
        for name in sorted({**recorded, **here})
        if recorded.get(name) != here.get(name)
    )
