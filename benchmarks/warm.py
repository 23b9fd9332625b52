"""The child of a warm step: imports, a tiny round trip elsewhere, then the step by the clock."""

from __future__ import annotations

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import floor


@dataclass(frozen=True)
class Paths:
    """Where a step works."""

    data: Path
    store: Path
    target: Path


class Subject(ABC):
    """The operations of one side of the comparison."""

    def __init__(self) -> None:
        self.details: dict[str, float] = {}

    @abstractmethod
    def log(self, paths: Paths) -> float: ...

    @abstractmethod
    def restore(self, paths: Paths) -> float: ...

    @abstractmethod
    def verify(self, paths: Paths) -> float: ...

    @abstractmethod
    def verify_folder(self, paths: Paths) -> float: ...

    def step(self, name: str, paths: Paths) -> float:
        """Do the step; the seconds it took."""
        operations = {
            "first": self.log,
            "again": self.log,
            "second": self.log,
            "restore": self.restore,
            "restore again": self.restore,
            "verify": self.verify,
            "verify folder": self.verify_folder,
        }
        return operations[name](paths)


class FloorSubject(Subject):
    """benchmarks/floor.py."""

    def log(self, paths: Paths) -> float:
        started = time.perf_counter()
        floor.log(paths.data, paths.store)
        return time.perf_counter() - started

    def restore(self, paths: Paths) -> float:
        started = time.perf_counter()
        floor.restore(paths.store, paths.target)
        return time.perf_counter() - started

    def verify(self, paths: Paths) -> float:
        started = time.perf_counter()
        floor.verify(paths.store)
        return time.perf_counter() - started

    def verify_folder(self, paths: Paths) -> float:
        started = time.perf_counter()
        floor.verify_folder(paths.store, paths.target)
        return time.perf_counter() - started


class ProductSubject(Subject):
    """The product's public API; the check of the store goes through its command line."""

    def __init__(self) -> None:
        super().__init__()
        self.artifacts: Any = import_module("artifacts")

    def log(self, paths: Paths) -> float:
        opened = time.perf_counter()
        run = self.artifacts.init(project="bench", store=str(paths.store))
        started = time.perf_counter()
        run.log_artifact(str(paths.data), name="data", type="dataset")
        logged = time.perf_counter()
        run.finish()
        self.details = {"with init and finish": time.perf_counter() - opened}
        return logged - started

    def restore(self, paths: Paths) -> float:
        started = time.perf_counter()
        self._artifact(paths).download(root=str(paths.target))
        return time.perf_counter() - started

    def verify(self, paths: Paths) -> float:
        command: Any = import_module("artifacts.cli.main")
        sys.argv = ["art", "--store", str(paths.store), "check", "--read-data"]
        started = time.perf_counter()
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            try:
                command.main()
            except SystemExit as ended:
                if ended.code not in (None, 0):
                    raise RuntimeError(f"art check exited with {ended.code}") from ended
        return time.perf_counter() - started

    def verify_folder(self, paths: Paths) -> float:
        started = time.perf_counter()
        self._artifact(paths).verify(root=str(paths.target))
        return time.perf_counter() - started

    def _artifact(self, paths: Paths) -> Any:
        return self.artifacts.Api(store=str(paths.store)).artifact("bench/data:latest")


def main() -> None:
    """Do the job given as JSON and write what it took to the file that it names."""
    job = json.loads(sys.argv[1])
    subject = FloorSubject() if job["subject"] == "floor" else ProductSubject()
    _warm_up(subject, Path(job["trial"]), job["step"])
    subject.details = {}
    seconds = subject.step(
        job["step"], Paths(Path(job["data"]), Path(job["store"]), Path(job["target"]))
    )
    Path(job["result"]).write_text(json.dumps({"seconds": seconds, **subject.details}))


def _warm_up(subject: Subject, trial: Path, step: str) -> None:
    paths = Paths(trial / "data", trial / "store", trial / "target")
    for folder in (paths.data, paths.store, paths.target):
        folder.mkdir(parents=True)
    (paths.data / "small").write_bytes(b"small")
    (paths.data / "large").write_bytes(bytes(floor.SMALL + 1))
    subject.step("first", paths)
    if step not in ("first", "again", "second"):
        subject.step("restore", paths)
        subject.step(step, paths)


if __name__ == "__main__":
    main()
