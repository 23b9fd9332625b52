"""The child of a warm step: imports, a tiny round trip elsewhere, then the step by the clock."""

from __future__ import annotations

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import floor
from benchmarks.traffic import traffic


@dataclass(frozen=True)
class Paths:
    """Where a step works."""

    data: Path
    store: Path
    target: Path
    remote: str = ""  # URL below which objects go, when the store is in a bucket


class Subject(ABC):
    """The operations of one side of the comparison."""

    def __init__(self) -> None:
        self.details: dict[str, float] = {}

    def create(self, paths: Paths) -> None:  # noqa: B027 - most make their store on first use
        """Make the store, where that is a step of its own."""

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


class S3ProductSubject(ProductSubject):
    """The public API without a run: what was saved is in the bucket when the call returns."""

    def create(self, paths: Paths) -> None:
        store: Any = import_module("artifacts.store.store")
        store.Store.create(str(paths.store), objects=paths.remote).close()

    def log(self, paths: Paths) -> float:
        started = time.perf_counter()
        artifact = self.artifacts.Artifact(
            "data", "dataset", store=str(paths.store), project="bench"
        )
        artifact.add_dir(str(paths.data))
        artifact.save()
        return time.perf_counter() - started


class S3BehindSubject(S3ProductSubject):
    """A run's `log_artifact`, which does not wait for the network, and then the waiting."""

    def log(self, paths: Paths) -> float:
        run = self.artifacts.init(project="bench", store=str(paths.store))
        started = time.perf_counter()
        logged = run.log_artifact(str(paths.data), name="data", type="dataset")
        self.details = {"until `log_artifact` returns": time.perf_counter() - started}
        logged.wait()
        seconds = time.perf_counter() - started
        run.finish()
        return seconds


class LoopSubject(Subject):
    """benchmarks/s3_loops.py."""

    def __init__(self, loop: str) -> None:
        super().__init__()
        loops: Any = import_module("benchmarks.s3_loops")
        self._loop = getattr(loops, loop)()

    def log(self, paths: Paths) -> float:
        paths.store.mkdir(exist_ok=True)
        started = time.perf_counter()
        self._loop.push(paths.data, paths.store, paths.remote)
        return time.perf_counter() - started

    def restore(self, paths: Paths) -> float:
        started = time.perf_counter()
        self._loop.pull(paths.store, paths.remote, paths.target)
        return time.perf_counter() - started

    def verify(self, paths: Paths) -> float:
        raise NotImplementedError("nothing asks for it")

    def verify_folder(self, paths: Paths) -> float:
        raise NotImplementedError("nothing asks for it")


_SUBJECTS: dict[str, Callable[[], Subject]] = {
    "floor": FloorSubject,
    "artifacts": ProductSubject,
    "artifacts-s3": S3ProductSubject,
    "artifacts-s3-behind": S3BehindSubject,
    "s3fs": lambda: LoopSubject("ObjectPerFile"),
    "s3fs-packs": lambda: LoopSubject("S3fsPacks"),
    "obstore-packs": lambda: LoopSubject("ObstorePacks"),
}


def main() -> None:
    """Do the job given as JSON and write what it took to the file that it names."""
    job = json.loads(sys.argv[1])
    subject = _SUBJECTS[job["subject"]]()
    _warm_up(subject, Path(job["trial"]), job["step"], job.get("trial remote", ""))
    subject.details = {}
    paths = Paths(Path(job["data"]), Path(job["store"]), Path(job["target"]), job.get("remote", ""))
    metrics = job.get("metrics")
    before = traffic(metrics) if metrics else None
    seconds = subject.step(job["step"], paths)
    found = {"seconds": seconds, **subject.details}
    if before is not None:
        # The parent cannot tell these requests from those of the tiny round trip.
        found.update(asdict(traffic(metrics).since(before)))
    Path(job["result"]).write_text(json.dumps(found))


def _warm_up(subject: Subject, trial: Path, step: str, remote: str) -> None:
    paths = Paths(trial / "data", trial / "store", trial / "target", remote)
    for folder in (paths.data, paths.store, paths.target):
        folder.mkdir(parents=True)
    subject.create(paths)
    (paths.data / "small").write_bytes(b"small")
    (paths.data / "large").write_bytes(bytes(floor.SMALL + 1))
    subject.step("first", paths)
    if step not in ("first", "again", "second"):
        subject.step("restore", paths)
        subject.step(step, paths)


if __name__ == "__main__":
    main()
