"""Many processes that log small artifacts at the same time, with the catalog in PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from benchmarks.servers import BUCKET, postgresql, s3_service
from benchmarks.tables import table
from benchmarks.tools.base import CHECKOUT, Site

Objects = Literal["S3", "a folder"]
Names = Literal["one artifact", "an artifact each"]
_TIMEOUT = 600.0
_CREATE = (
    "import sys; from artifacts.store.store import Store; "
    "Store.create(sys.argv[1], objects=sys.argv[2], catalog=sys.argv[3]).close()"
)
# What the store says afterwards, in another process than those that wrote: name and number.
_LISTED = """
import json, sys
import artifacts
api = artifacts.Api(store=sys.argv[1])
listed = {
    name: [int(version.version.removeprefix("v")) for version in api.artifacts("dataset", name)]
    for name in sys.argv[2:]
}
print(json.dumps(listed))
"""


@dataclass
class WritersResult:
    """One arrangement.

    Attributes:
        seconds: From the first process's beginning to the last one's end.
        median: Of one `log_artifact` and `wait`, in seconds.
        problems: Errors, numbers given twice, numbers missing.
    """

    objects: Objects
    names: Names
    processes: int
    commits: int
    seconds: float = 0.0
    median: float = 0.0
    p95: float = 0.0
    slowest: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def expected(self) -> int:
        return self.processes * self.commits


def measure_writers(root: Path, processes: int, commits: int) -> Iterator[WritersResult]:
    """Measure every arrangement, each in a store of its own on fresh servers.

    Args:
        root: An empty folder on a disk.
    """
    for objects in get_args(Objects):
        for names in get_args(Names):
            place = root / f"{objects}-{names}".replace(" ", "-")
            site = Site(place)
            site.create()
            with _servers(site, objects) as (served, catalog):
                _child(served, "-c", _CREATE, str(site.store / "s"), _place(site, objects), catalog)
                yield _one(served, WritersResult(objects, names, processes, commits))


@contextmanager
def _servers(site: Site, objects: Objects) -> Iterator[tuple[Site, str]]:
    # A socket's path is short, so PostgreSQL gets no folder below the others.
    with postgresql(site.root.parent) as catalog:
        if objects == "S3":
            with s3_service(site.root / "server") as service:
                yield Site(site.root, service=service), catalog
        else:
            yield site, catalog


def _place(site: Site, objects: Objects) -> str:
    return f"s3://{BUCKET}/store" if objects == "S3" else str(site.store / "objects")


def _one(site: Site, result: WritersResult) -> WritersResult:
    children = [_start(site, result, number) for number in range(result.processes)]
    try:
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()  # ready, or at its end
        for child in children:
            assert child.stdin is not None
            child.stdin.close()  # all at once
        codes = [child.wait(_TIMEOUT) for child in children]
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
                child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
    failed = [number for number, code in enumerate(codes) if code]
    result.problems += [f"a process ended with {codes[number]}" for number in failed]
    found = [
        json.loads(_result(site, number).read_text())
        for number in range(result.processes)
        if number not in failed
    ]
    if found:
        _judge(site, result, found)
    return result


def _start(site: Site, result: WritersResult, number: int) -> subprocess.Popen[bytes]:
    job = {
        "store": str(site.store / "s"),
        "number": number,
        "commits": result.commits,
        "artifact": "shared" if result.names == "one artifact" else f"own-{number}",
        "folder": str(site.scratch / f"files-{number}"),
        "result": str(_result(site, number)),
    }
    with open(site.log, "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.writer", json.dumps(job)],
            cwd=CHECKOUT,
            env=_environment(site),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )


def _judge(site: Site, result: WritersResult, found: list[dict[str, Any]]) -> None:
    """Fill in the figures, and check the numbers that the writers and the store say."""
    took = sorted(seconds for one in found for seconds in one["seconds"])
    result.seconds = max(one["ended"] for one in found) - min(one["started"] for one in found)
    if took:
        result.median, result.slowest = took[len(took) // 2], took[-1]
        result.p95 = took[min(len(took) * 95 // 100, len(took) - 1)]
    errors = Counter(error for one in found for error in one["errors"])
    result.problems += [f"{error} ({times} times)" for error, times in errors.items()]
    if result.names == "one artifact":
        _check(result, "the writers", sorted(n for one in found for n in one["numbers"]))
        names, count = ["shared"], result.expected
    else:
        for one in found:
            _check(result, "a writer", sorted(one["numbers"]))
        names, count = [f"own-{number}" for number in range(result.processes)], result.commits
    listed = json.loads(_child(site, "-c", _LISTED, str(site.store / "s"), *_refs(names)))
    for numbers in listed.values():
        _check(result, "the store", sorted(numbers), count)


def _refs(names: list[str]) -> list[str]:
    return [f"bench/{name}" for name in names]


def _check(result: WritersResult, who: str, numbers: list[int], count: int | None = None) -> None:
    if count is None:
        count = result.expected if result.names == "one artifact" else result.commits
    twice = len(numbers) - len(set(numbers))
    missing = len(set(range(count)) - set(numbers))
    if twice:
        result.problems.append(f"{twice} number(s) twice, says {who}")
    if missing:
        result.problems.append(f"{missing} number(s) missing, says {who}")
    if not twice and not missing and len(numbers) != count:
        result.problems.append(f"{len(numbers)} instead of {count} versions, says {who}")


def _child(site: Site, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env=_environment(site),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        raise OSError(f"a step of the writers failed: {done.stderr[-1000:]}")
    return done.stdout


def _environment(site: Site) -> dict[str, str]:
    service = site.service.environment if site.service is not None else {}
    return site.environment(**service, ART_OUTBOX_DIR=str(site.scratch / "outbox"))


def _result(site: Site, number: int) -> Path:
    return site.scratch / f"result-{number}.json"


def writers_section(results: list[WritersResult]) -> str:
    """The table of all arrangements."""
    rows = [
        [
            f"{one.objects}, {one.names}",
            f"{one.processes} × {one.commits}",
            f"**{one.expected / one.seconds:.0f}**" if one.seconds else "",
            *(f"{1000 * value:,.0f}" for value in (one.median, one.p95, one.slowest)),
            "none" if not one.problems else "; ".join(one.problems),
        ]
        for one in results
    ]
    head = [
        *("objects in, logging to", "processes × versions", "versions per second"),
        *("median, ms", "95th percentile, ms", "slowest, ms"),
        "errors, duplicate or missing numbers",
    ]
    return table(head, rows)
