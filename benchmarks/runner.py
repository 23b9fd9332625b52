"""Runs every step of every tool, tools in turn within a repetition."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from benchmarks.data import Dataset, differences, read_once
from benchmarks.measure import Command, Measured, StepError, measure
from benchmarks.servers import S3Service, s3_service
from benchmarks.tools.base import CHECKOUT, STEPS, Site, Step, Tool
from benchmarks.traffic import Traffic, traffic
from benchmarks.workspace import Workspaces, allocated, settle

# Longer than any tool's doubt about a file that changed a moment ago: stat caches may be used.
_SETTLE_SECONDS = 2.5
_SERVER = "server"


@dataclass
class Sample:
    """One tool in one repetition."""

    tool: str
    repetition: int
    steps: dict[str, Measured] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    traffic: dict[str, Traffic] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass
class SetResult:
    """All samples of one set of inputs."""

    dataset: Dataset
    samples: list[Sample] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> SetResult:
        samples = [
            Sample(
                **{
                    **sample,
                    "steps": {name: Measured(**step) for name, step in sample["steps"].items()},
                    "traffic": {
                        name: Traffic(**counted)
                        for name, counted in sample.get("traffic", {}).items()
                    },
                }
            )
            for sample in found["samples"]
        ]
        return cls(Dataset(**found["dataset"]), samples)


def run(
    dataset: Dataset,
    tools: Sequence[Tool],
    workspaces: Workspaces,
    *,
    repeat: int,
    done: Callable[[SetResult], None],
) -> SetResult:
    """Measure all tools `repeat` times; `done` is called after each so that nothing is lost."""
    result = SetResult(dataset)
    for repetition in range(1, repeat + 1):
        for tool in tools:
            name = f"{dataset.kind}-{repetition}-{tool.name}"
            with (
                workspaces.fresh(name, many_files=dataset.files > 1000) as root,
                _service(dataset, root) as service,
            ):
                site = Site(root, durable_files=dataset.files == 0, service=service)
                sample = _sample(tool, dataset, site, repetition)
            _say(f"{dataset.kind} {repetition}/{repeat} {tool.name}: {_summary(sample)}")
            result.samples.append(sample)
            done(result)
    return result


@contextmanager
def _service(dataset: Dataset, root: Path) -> Iterator[S3Service | None]:
    """A fresh S3 service for one repetition of one tool, where the store is in a bucket."""
    if not dataset.over_s3:
        yield None
        return
    with s3_service(root / _SERVER) as service:
        yield service


def _sample(tool: Tool, dataset: Dataset, site: Site, repetition: int) -> Sample:
    sample = Sample(tool.name, repetition)
    site.create()
    try:
        _start_up(tool, site, sample)
        dataset.write(site.data)
        _unmeasured(tool.prepare(site), site)
        _ready(site)
        for step in STEPS:
            try:
                _step(tool, dataset, step, site, sample)
            except StepError as failure:
                sample.problems.append(_without_paths(f"{step}: {failure}", site.root))
                if step == "first":
                    break  # nothing to go on with
    except (StepError, OSError) as failure:
        # One tool that fails must not cost the figures of the others; it is reported with them.
        sample.problems.append(_without_paths(str(failure), site.root))
    return sample


def _without_paths(message: str, root: Path) -> str:
    # These lines are published: where things lie on this machine is nobody's business.
    for folder in (root, CHECKOUT, Path(sys.prefix), Path(sys.base_prefix), Path.home()):
        message = message.replace(str(folder), "…")
    return message


def _step(tool: Tool, dataset: Dataset, step: Step, site: Site, sample: Sample) -> None:
    if step == "second":
        dataset.change_to_second_version(site.data)
        _ready(site)
    _unmeasured(tool.before(step, site), site)
    commands = tool.commands(step, site)
    if commands is None:
        return
    settle(site.root)
    _measure(commands, step, site, sample)
    if step in ("first", "second"):
        settle(site.root)  # blocks of what is still in memory are not allocated yet
        stored = tool.stored(site) if site.service is None else [site.root / _SERVER]
        sample.sizes[step] = allocated(*stored)
    if step in ("restore", "restore again"):
        wrong = differences(tool.expected(site), tool.restored(site))
        sample.problems.extend(f"{step}: {one}" for one in wrong)


def _measure(commands: Sequence[Command], step: Step, site: Site, sample: Sample) -> None:
    if site.service is None:
        sample.steps[step] = measure(commands, site.log)
        return
    before = traffic(site.service.metrics)
    measured = measure(commands, site.log)
    # A child that does more than the step has counted itself.
    own = {one.name: measured.details.pop(one.name, None) for one in fields(Traffic)}
    counted = {name: value for name, value in own.items() if value is not None}
    sample.traffic[step] = (
        Traffic(**counted) if counted else traffic(site.service.metrics).since(before)
    )
    sample.steps[step] = measured


def _start_up(tool: Tool, main: Site, sample: Sample) -> None:
    """What the tool costs before it does any work: started only, and with one small file."""
    if tool.warm:
        return
    site = replace(main, root=main.root / "trial", durable_files=True, prefix="trial")
    site.create()
    site.data.mkdir()
    (site.data / "one.bin").write_bytes(bytes(10_000))
    _unmeasured(tool.prepare(site), site)
    start = tool.start_up(site)
    if start is not None:
        sample.steps["start"] = measure(start, site.log)
    one_file = tool.commands("first", site)
    if one_file is not None:
        sample.steps["one file"] = measure(one_file, site.log)


def _unmeasured(commands: Sequence[Any], site: Site) -> None:
    if commands:
        measure(commands, site.log)


def _ready(site: Site) -> None:
    read_once(site.data)
    settle(site.root)
    time.sleep(_SETTLE_SECONDS)


def _summary(sample: Sample) -> str:
    steps = ", ".join(f"{name} {step.seconds:.2f} s" for name, step in sample.steps.items())
    return "; ".join([steps, *(f"PROBLEM {problem}" for problem in sample.problems)])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
