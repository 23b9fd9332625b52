"""One of many writers, as a process of its own: logs small artifacts, and says what came of it."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

FILES = 3
FILE_BYTES = 1024


def main() -> None:
    """Do the job given as JSON, when a line comes; write what happened to the file that it names.

    Every failure is an answer: it is counted, and does not end the others.
    """
    job = json.loads(sys.argv[1])
    artifacts: Any = import_module("artifacts")
    store, folder = str(job["store"]), Path(job["folder"])
    found: dict[str, Any] = {"seconds": [], "numbers": [], "errors": []}
    with artifacts.init(project="bench", store=store, mode="online") as run:
        # Connections, caches and imports are there before the clock starts.
        _write(folder)
        run.log_artifact(str(folder), name=f"warm-{job['number']}", type="dataset").wait()
        print("ready", flush=True)
        sys.stdin.readline()
        found["started"] = time.monotonic()
        for _ in range(job["commits"]):
            _write(folder)
            started = time.monotonic()
            try:
                logged = run.log_artifact(str(folder), name=job["artifact"], type="dataset").wait()
            except artifacts.Error as error:
                found["errors"].append(f"{type(error).__name__}: {error}")
                continue
            found["seconds"].append(time.monotonic() - started)
            found["numbers"].append(int(logged.version.removeprefix("v")))
        found["ended"] = time.monotonic()
    Path(job["result"]).write_text(json.dumps(found))


def _write(folder: Path) -> None:
    """Write files that no store has seen."""
    folder.mkdir(exist_ok=True)
    for number in range(FILES):
        (folder / f"{number}.bin").write_bytes(os.urandom(FILE_BYTES))


if __name__ == "__main__":
    main()
