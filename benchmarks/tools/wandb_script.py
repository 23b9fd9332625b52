"""Runs inside W&B's own environment: one step, and how its time was spent.

Stands alone: nothing of this package can be imported there.
"""

import json
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any


def main() -> None:
    job = json.loads(sys.argv[1])
    started = time.perf_counter()
    wandb: Any = import_module("wandb")
    imported = time.perf_counter()
    step = job["step"]
    if step in ("first", "again", "second"):
        reported = _log(wandb, job)
    elif step == "fill cache":
        reported = _fill_cache(wandb, job)
    elif step in ("restore", "restore again"):
        reported = _restore(wandb, job)
    else:
        reported = _verify(wandb, job)
    with open(job["result"], "w") as file:
        json.dump({**reported, "import": imported - started}, file)


def _log(wandb: Any, job: dict[str, Any]) -> dict[str, float]:
    started = time.perf_counter()
    run = wandb.init(project="bench", mode="offline")
    ready = time.perf_counter()
    artifact = _artifact(wandb, job)
    added = time.perf_counter()
    run.log_artifact(artifact)
    logged = time.perf_counter()
    run.finish()
    done = time.perf_counter()
    return {
        "init": ready - started,
        "add_dir": added - ready,
        "log": logged - added,
        "finish": done - logged,
    }


def _fill_cache(wandb: Any, job: dict[str, Any]) -> dict[str, float]:
    caches: Any = import_module("wandb.sdk.artifacts.artifact_file_cache")
    cache = caches.get_artifact_file_cache()
    started = time.perf_counter()
    for entry in _artifact(wandb, job, keep=False).manifest.entries.values():
        path, present, _ = cache.check_digest_obj_path(
            entry.digest, entry.size, entry.digest_algorithm()
        )
        if not present:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copyfile(entry.local_path, path)
    return {"seconds": time.perf_counter() - started}


def _restore(wandb: Any, job: dict[str, Any]) -> dict[str, float]:
    artifact = _artifact(wandb, job, keep=False)
    entries = _entries(artifact)
    # Made before, or each of the 32 threads would start a process to make one.
    _ = artifact.manifest.storage_policy._cache
    started = time.perf_counter()
    with ThreadPoolExecutor(max_workers=32) as threads:  # as many as Artifact.download takes
        for done in [threads.submit(entry.download, job["target"]) for entry in entries]:
            done.result()
    return {"seconds": time.perf_counter() - started}


def _verify(wandb: Any, job: dict[str, Any]) -> dict[str, float]:
    # What Artifact.verify does for each entry; itself it refuses an artifact that no server knows.
    hashing: Any = import_module("wandb.sdk.lib.hashutil")
    digest = hashing.xxh128_file_b64 if job["immutable"] else hashing.md5_file_b64
    entries = _entries(_artifact(wandb, job, keep=False))
    started = time.perf_counter()
    for entry in entries:
        if digest(os.path.join(job["target"], entry.path)) != entry.digest:
            raise ValueError(f"digest mismatch: {entry.path}")
    return {"seconds": time.perf_counter() - started}


def _entries(artifact: Any) -> list[Any]:
    entries = list(artifact.manifest.entries.values())
    for entry in entries:
        entry._parent_artifact = artifact
    return entries


def _artifact(wandb: Any, job: dict[str, Any], *, keep: bool = True) -> Any:
    immutable = job["immutable"]
    artifact = wandb.Artifact(
        "data", type="dataset", digest_algorithm="XXH128" if immutable else "MD5"
    )
    artifact.add_dir(job["data"], policy="immutable" if immutable or not keep else "mutable")
    return artifact


if __name__ == "__main__":
    main()
