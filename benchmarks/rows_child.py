"""Log rows of ten floats with one tool, and say how long that took; a script for any environment.

    python rows_child.py TOOL ROWS FOLDER

Nothing but the standard library and the tool itself is imported, so that it runs where only the
tool is installed. Everything it writes is below FOLDER. The last line of its output is JSON:
``log``, seconds of the calls, and ``finish``, seconds until the tool says that all is stored.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROW = {f"k{number}": number * 0.37 for number in range(10)}

Log = Callable[[int], None]
Finish = Callable[[], None]


def floor(folder: Path) -> tuple[Log, Finish]:
    """Serialise a row and append it as a line; no summary, and nobody sees it before the end."""
    import orjson

    file = os.open(folder / "rows.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def log(_: int) -> None:
        os.write(file, orjson.dumps(ROW) + b"\n")

    def finish() -> None:
        os.fsync(file)
        os.close(file)

    return log, finish


def artifacts(folder: Path) -> tuple[Log, Finish]:
    """`run.log`."""
    os.environ["ART_RUN_DIR"] = str(folder / "runs")
    import artifacts as product

    run = product.init(project="bench", store=folder / "store")
    return lambda _: run.log(ROW), run.finish


def wandb(folder: Path) -> tuple[Log, Finish]:
    """`run.log` in offline mode."""
    os.environ.update(WANDB_SILENT="true", WANDB_DIR=str(folder))
    import wandb as library  # type: ignore[import-not-found, unused-ignore]

    run: Any = library.init(mode="offline", project="bench", dir=str(folder))
    return lambda _: run.log(ROW), run.finish


def mlflow(folder: Path) -> tuple[Log, Finish]:
    """`log_metrics` into an SQLite store."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow  # type: ignore[import-not-found, unused-ignore]

    library: Any = mlflow
    library.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    library.set_experiment("bench")
    library.start_run()
    return lambda step: library.log_metrics(ROW, step=step), library.end_run


def trackio(folder: Path) -> tuple[Log, Finish]:
    """`log` into its local database."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio as library  # type: ignore[import-not-found, unused-ignore]

    library.init(project="bench")
    return lambda _: library.log(ROW), library.finish


def tensorboard(folder: Path) -> tuple[Log, Finish]:
    """`add_scalar` for each value."""
    import tensorboardX  # type: ignore[import-not-found, unused-ignore]

    writer = tensorboardX.SummaryWriter(str(folder))

    def log(step: int) -> None:
        for name, value in ROW.items():
            writer.add_scalar(name, value, step)

    return log, writer.close


TOOLS = {
    "floor": floor,
    "artifacts": artifacts,
    "wandb": wandb,
    "mlflow": mlflow,
    "trackio": trackio,
    "tensorboard": tensorboard,
}


def main(tool: str, rows: int, folder: Path) -> None:
    """Log the rows."""
    log, finish = TOOLS[tool](folder)
    started = time.perf_counter()
    for step in range(rows):
        log(step)
    logged = time.perf_counter()
    finish()
    print(json.dumps({"log": logged - started, "finish": time.perf_counter() - logged}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
