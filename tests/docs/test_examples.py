"""The code in README and docs runs, and prints what the pages say.

All blocks of a page run in order, in one empty directory: `python` and `pycon` ones share their
names, `console` ones have an `art` on their path. What is different each time, such as times and
ids, may be different; a line `...` stands for any lines. A block that is not run says why, in a
comment `<!-- not run: … -->` before it.
"""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
# The commands of this page take hours.
BENCHMARKS = CHECKOUT / "docs" / "benchmarks.md"
PAGES = [CHECKOUT / "README.md", *sorted({*(CHECKOUT / "docs").rglob("*.md")} - {BENCHMARKS})]

BLOCK = re.compile(
    r"^(?P<mark><!-- not run: [^\n]+ -->\n)?```(?P<kind>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RUN = {"console", "pycon", "python"}
SHOWN = {"json", "text", "toml"}

# What differs from run to run, or from machine to machine.
VARIABLE = [
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?( ?UTC|Z|\+00:00)?"), "<time>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\b[a-z]+-[a-z]+-\d+ +[0-9a-z]{8}\b"), "<run>"),
    (re.compile(r"\b[0-9a-z]{8} +[a-z]+-[a-z]+-\d+\b"), "<run>"),
    (re.compile(r"\b[a-z]+-[a-z]+-\d+ \([0-9a-z]{8}\b"), "<run> ("),
    (re.compile(r"\b(run) [0-9a-z]{8}\b"), r"\1 <id>"),
    (re.compile(r"\b[\w.-]+@[\w.-]+\b(?!\.py)"), "<user>"),
    (re.compile(r"\b\d+(\.\d+)? m?s\b"), "<duration>"),
    (re.compile(r"[ \t]+"), " "),
]


class Block(NamedTuple):
    kind: str
    body: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(match["kind"], match["body"], text.count("\n", 0, match.start("body")))
        for match in BLOCK.finditer(text)
        if not match["mark"]
    ]


def name_of(page: Path) -> str:
    return page.relative_to(CHECKOUT).as_posix()


WITH_CODE = [page for page in PAGES if any(block.kind in RUN for block in blocks_of(page))]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_runs_or_says_why_not(page):
    unknown = [
        f"{name_of(page)}:{block.line}: a block of kind {block.kind!r}"
        for block in blocks_of(page)
        if block.kind not in RUN | SHOWN
    ]
    assert unknown == []


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_code_of_page(page, monkeypatch):
    monkeypatch.delenv("ART_CACHE_DIR", raising=False)
    names = {"__name__": "__main__"}
    for block in blocks_of(page):
        if block.kind == "python":
            # The lines keep their numbers, so that a traceback leads to the page.
            code = compile("\n" * block.line + block.body, str(page), "exec")
            exec(code, names)
        elif block.kind == "pycon":
            run_session(page, block, names)
        elif block.kind == "console":
            run_console(page, block)


def run_session(page: Path, block: Block, names: dict) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = doctest.DocTestParser().get_doctest(
        block.body, names, name_of(page), str(page), block.line
    )
    report: list[str] = []
    doctest.DocTestRunner(optionflags=flags).run(test, out=report.append, clear_globs=False)
    names.update(test.globs)
    assert not report, "".join(report)


def run_console(page: Path, block: Block) -> None:
    steps = parse_session(block.body)
    mark = "@@@ end of step"
    script = "status=0\n" + "".join(
        f"(exit $status)\n{command}\nstatus=$?\nprintf '\\n{mark} %d\\n' $status\n"
        for command, _ in steps
    )
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    done = subprocess.run(
        ["bash", "-c", script], env=environment, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True,
    )  # fmt: skip
    results = re.findall(rf"(.*?)\n{mark} (\d+)\n", done.stdout, re.DOTALL)
    assert len(results) == len(steps), done.stdout
    for number, ((command, expected), (printed, status)) in enumerate(
        zip(steps, results, strict=True)
    ):
        shown = f"{name_of(page)}:{block.line}: $ {command}\n{printed}"
        following = steps[number + 1][0] if number + 1 < len(steps) else ""
        assert status == "0" or following == "echo $?", shown
        pattern = as_pattern(expected)
        assert re.fullmatch(pattern, normal(printed)), f"{shown}\n--- the page has\n{expected}"


def parse_session(text: str) -> list[tuple[str, str]]:
    """Return commands with the output that a session shows for each."""
    steps: list[tuple[str, str]] = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        command, shown = [lines[0]], lines[1:]
        while shown and shown[0].startswith("> "):
            command.append(shown.pop(0).removeprefix("> "))
        steps.append(("\n".join(command), "\n".join(shown)))
    return steps


def normal(text: str) -> str:
    for pattern, replacement in VARIABLE:
        text = pattern.sub(replacement, text)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def as_pattern(expected: str) -> str:
    lines = normal(expected).splitlines()
    return "\n".join(r"[^\0]*?" if line == "..." else re.escape(line) for line in lines)
