"""Run the code in README and docs, and write what it prints into the pages.

All blocks of a page run in order in one empty directory, with an empty home: `python` ones share
their names, `console` ones have `art` on their path. A block that is not run says why, in a comment
`<!-- not run: … -->` before it. `make docs` runs this; `tests/docs` compares.
"""

import getpass
import io
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).resolve().parent.parent

# The commands of this page take hours.
_BENCHMARKS = CHECKOUT / "docs" / "benchmarks.md"
PAGES = [CHECKOUT / "README.md", *sorted({*(CHECKOUT / "docs").rglob("*.md")} - {_BENCHMARKS})]

RUN = {"console", "python"}
SHOWN = {"json", "text", "toml"}

_BLOCK = re.compile(
    r"^(?P<mark><!-- not run: [^\n]+ -->\n)?```(?P<kind>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_STEP = re.compile(r"^\$ (?P<command>[^\n]*\n(?:> [^\n]*\n)*)", re.MULTILINE)
# What makes a command line one for the shell, outside of quotes.
_SHELL = re.compile(r"[|&;<>$`*?~\n]")
_QUOTED = re.compile(r"'[^']*'|\"[^\"$`]*\"")

# What differs from run to run, or from machine to machine.
_VARIABLE = [
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?( ?UTC|Z)?", "<time>"),
    (r"\bjust now\b|\b\d+ (s|min|h|days?) ago\b", "<ago>"),
    (r"(?<![\w.])(now|\d+ (s|min))$", "<duration>"),
    (r"\b\d+(\.\d+)? m?s\b", "<duration>"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
    (r"\b[0-9a-z]{8} +[a-z]+-[a-z]+-\d+\b", "<run>"),
    (r"\b(_timestamp|_runtime): \d+\b", r"\1: <time>"),
    (r"\b\d+(\.\d+)? kB\b", "<size>"),
    (r" +", " "),
]


class Block(NamedTuple):
    """A block of code that is not exempted.

    Attributes:
        line: Number of lines before its first one.
    """

    kind: str
    body: str
    line: int


def main(arguments: list[str]) -> int:
    if arguments:
        run_here(Path(arguments[0]))
    else:
        write()
    return 0


def blocks(text: str) -> list[Block]:
    """Return the blocks of a page that are not exempted."""
    return [
        Block(match["kind"], match["body"], text.count("\n", 0, match.start("body")))
        for match in _BLOCK.finditer(text)
        if not match["mark"]
    ]


def with_code() -> list[Path]:
    """Return the pages on which something is run."""
    return [
        page
        for page in PAGES
        if any(block.kind in RUN for block in blocks(page.read_text(encoding="utf-8")))
    ]


def write() -> None:
    """Bring the sessions of all pages up to date, where more than times and ids has changed."""
    for page in with_code():
        text, recorded = page.read_text(encoding="utf-8"), record(page)
        if normal(text) != normal(recorded):
            page.write_text(recorded, encoding="utf-8")
            print(f"wrote the sessions of {page.relative_to(CHECKOUT)}")


def record(page: Path) -> str:
    """Run the code of a page in a world of its own; return the page with what it really prints.

    Raises:
        RuntimeError: Some code failed.
    """
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:
        home, work = Path(folder).resolve() / "home", Path(folder).resolve() / "work"
        home.mkdir()
        work.mkdir()
        settings = ("ART_", "XDG_", "PYTHON", "VIRTUAL_ENV")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(settings)}
        environment = inherited | {
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "TERM": "dumb",
        }
        done = subprocess.run(
            [sys.executable, __file__, page], cwd=work, env=environment, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{page.relative_to(CHECKOUT)}: {done.stderr}")
        return (
            done.stdout.replace(__file__, "train.py")
            .replace(str(work), "/home/you/demo")
            .replace(str(home), "/home/you")
            .replace(f"{getpass.getuser()}@{socket.gethostname()}", "you@host")
        )


def run_here(page: Path) -> None:
    """Run the code of a page in this process and folder, and print the page with its output."""
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__main__"}
    sys.argv = ["train.py"]  # what runs on the pages say of their program

    def run(match: re.Match[str]) -> str:
        line = text.count("\n", 0, match.start("body"))
        if match["mark"] or match["kind"] not in RUN:
            return match[0]
        if match["kind"] == "console":
            return f"```console\n{run_console(f'{page}:{line}', match['body'])}```"
        # The lines keep their numbers, so that a traceback leads to the page.
        exec(compile("\n" * line + match["body"], str(page), "exec"), names)
        return match[0]

    # What the code prints is no part of the page.
    page_out, sys.stdout = sys.stdout, sys.stderr
    recorded = _BLOCK.sub(run, text)
    page_out.write(recorded)


def run_console(where: str, body: str) -> str:
    """Run the commands of a session one by one; return the session with their real output."""
    commands = [match["command"] for match in _STEP.finditer(body)]
    session, status = "", 0
    for command, following in zip(commands, [*commands[1:], ""], strict=True):
        output, status = run_command(command.replace("\n> ", "\n").strip(), status)
        if status and following != "echo $?\n":
            raise SystemExit(f"{where}: $ {command}ended with {status}:\n{output}")
        lines = [line.rstrip() for line in output.splitlines() if line.strip()]
        session += f"$ {command}" + "".join(f"{line}\n" for line in lines)
    return session


def run_command(command: str, last: int) -> tuple[str, int]:
    """Return what a command prints, and its exit code.

    Args:
        last: Exit code of the command before, for `$?`.
    """
    if command.startswith("art ") and not _SHELL.search(_QUOTED.sub("", command)):
        return run_art(shlex.split(command)[1:])
    done = subprocess.run(
        ["bash", "-c", f"(exit {last})\n{command}"], text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.stdout, done.returncode


def run_art(arguments: list[str]) -> tuple[str, int]:
    """Run `art` in a fork of this process, which has imported already what takes long to import."""
    for module in ("artifacts.api", "artifacts.store.store"):
        import_module(module)
    from artifacts.cli.main import main as art

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.dup2(writer, 1)
            os.dup2(writer, 2)
            sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(n, "w"), "utf-8") for n in (1, 2))
            sys.argv = ["art", *arguments]
            art()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        output = file.read()
    return output, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def normal(text: str) -> str:
    """Return a page with what may differ made equal."""
    for pattern, replacement in _VARIABLE:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
