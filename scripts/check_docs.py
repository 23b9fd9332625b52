"""Check that the documentation is complete and up to date; changes nothing.

Generated parts are current, links lead somewhere, everything that users can name is described, and
every command line that the pages or the hints of errors mention exists. That the code in the pages
runs is tested in `tests/docs`.
"""

import ast
import inspect
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import artifacts
from artifacts._run_environment import COMPAT, RUN_VARIABLES, TRIAL_PARAMETERS
from artifacts._setting_list import SETTINGS
from artifacts.store.errors import ArtifactsError
from scripts import generate_docs
from scripts.generate_docs import CHECKOUT, DOCS, commands

GUIDE = DOCS / "guides" / "command-line.md"
PAGES = [
    *sorted(CHECKOUT.glob("*.md")),
    *sorted(DOCS.rglob("*.md")),
]

# They name what was there, or was considered.
HISTORY = {CHECKOUT / "CHANGELOG.md", *(DOCS / "design").glob("0*.md")}

HELP = {"-h", "--help"}


def main() -> int:
    checks = (generated, links, files, guide, docstrings, variables, command_lines)
    faults = [fault for check in checks for fault in check()]
    print(*faults, sep="\n")
    if faults:
        return 1
    print(f"the documentation is right ({len(PAGES)} pages)")
    return 0


def place(path: Path, line: int | None = None) -> str:
    name = path.relative_to(CHECKOUT).as_posix()
    return name if line is None else f"{name}:{line}"


def generated() -> Iterator[str]:
    for path, text in generate_docs.pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield f"{place(path)}: not what the code says; run: make docs"


# -- links


def links() -> Iterator[str]:
    for page in PAGES:
        for number, line in enumerate(prose(page), start=1):
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                if not re.match(r"[a-z]+:", target) and not resolves(page, target):
                    yield f"{place(page, number)}: the link to {target} leads nowhere"


def resolves(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = (page.parent / name).resolve() if name else page
    if not path.exists():
        return False
    return not anchor or anchor in anchors(path)


def anchors(page: Path) -> set[str]:
    """Return what a heading is reached by, in the way of GitHub."""
    headings = (re.match(r"#+ (.*)", line) for line in prose(page))
    found = set()
    for heading in headings:
        if heading:
            text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1].strip().lower())
            found.add(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return found


def prose(page: Path) -> Iterator[str]:
    """Yield the lines of a page, empty ones for those of code blocks."""
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        fence = line.startswith("```")
        inside ^= fence
        yield "" if inside or fence else line


def files() -> Iterator[str]:
    """Every file or folder of the checkout that a page names is there."""
    for page in PAGES:
        if page in HISTORY:
            continue
        for number, line in enumerate(prose(page), start=1):
            for name in re.findall(r"`((?:artifacts|store|cli|scripts|tests)/[\w./]*)`", line):
                if not (CHECKOUT / name).exists():
                    yield f"{place(page, number)}: there is no {name}"


# -- what users can name


def options(command: click.Command, context: click.Context) -> Iterator[click.Option]:
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option) and not parameter.hidden:
            yield parameter


def guide() -> Iterator[str]:
    """Every command has a section in the guide, and the section names every option."""
    from artifacts.cli._command import GLOBAL_OPTIONS

    text = GUIDE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^##+ ([^\n]*)\n(.*?)(?=^##+ |\Z)", text, re.MULTILINE | re.DOTALL))
    sections["art"] = text
    for words, command, context in commands():
        if isinstance(command, click.Group) and words != "art":
            continue
        section = sections.get(words) or sections.get(words.rpartition(" ")[0], "")
        if words not in section and words not in sections:
            yield f"{place(GUIDE)}: there is no section {words!r}"
            continue
        for option in options(command, context):
            if option in GLOBAL_OPTIONS and words != "art":
                continue
            if HELP.isdisjoint(option.opts) and not any(name in section for name in option.opts):
                yield f"{place(GUIDE)}: {words} {option.opts[-1]} is not described"
        if not command.help:
            yield f"{words} has no help"


def docstrings() -> Iterator[str]:
    for name in generate_docs.public_names():
        thing = getattr(artifacts, name)
        if not inspect.getdoc(thing):
            yield f"artifacts.{name} has no docstring"
        if not inspect.isclass(thing) or issubclass(thing, ArtifactsError):
            continue
        for key, value in vars(thing).items():
            public = not key.startswith("_") and (
                isinstance(value, property | classmethod | staticmethod)
                or inspect.isfunction(value)
            )
            if public and not inspect.getdoc(value):
                yield f"artifacts.{name}.{key} has no docstring"


def variables() -> Iterator[str]:
    known = {each.variable for each in SETTINGS.values()}
    known |= {each.variable for each in RUN_VARIABLES} | {COMPAT, TRIAL_PARAMETERS}
    for page in PAGES:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
            for name in re.findall(r"\bART_[A-Z_]+\b", line):
                if name not in known and not name.startswith("ART_TEST_"):
                    yield f"{place(page, number)}: {name} is not a setting"


# -- command lines


def command_lines() -> Iterator[str]:
    """Every command line that is mentioned is one that exists."""
    known = {words: {n for o in options(c, x) for n in o.opts} for words, c, x in commands()}
    for where, text in mentioned():
        fault = check_command_line(text, known)
        if fault:
            yield f"{where}: {text!r}: {fault}"


def mentioned() -> Iterator[tuple[str, str]]:
    """Yield (place, command line) from pages and from the hints of errors."""
    for page in PAGES:
        if page in HISTORY:
            continue
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
            found = re.findall(r"`(art [^`]+)`", line)
            found += re.findall(r"^\$ (art .+)$", line)
            yield from ((place(page, number), text) for text in found)
    for folder in ("artifacts", "store", "cli"):
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "hint":
                    for hint in constants(node.value):
                        for text in re.findall(r": (art [^,;]+)$", hint):
                            yield place(path, node.lineno), text


def constants(node: ast.expr) -> Iterator[str]:
    """Yield the texts in an expression, with `X` for what is put into them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else "X" for p in node.values)
        yield "".join(str(part) for part in parts)
    else:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from constants(child)


def check_command_line(text: str, known: dict[str, set[str]]) -> str | None:
    """Say what is wrong with a command line, or None."""
    text = re.sub(r"'[^']*'", "X", text)
    text = re.split(r" [|>&;#] ?", text.replace("…", "X").replace("[", "").replace("]", ""))[0]
    try:
        words = shlex.split(text)
    except ValueError as error:
        return str(error)
    path = ["art"]
    for word in words[1:]:
        if " ".join([*path, word]) not in known:
            break
        path.append(word)
    name = " ".join(path)
    plain = [word for word in words[1:] if not word.startswith("-")]
    if name == "art" and plain and not any(word.startswith("-") for word in words):
        return f"there is no command {plain[0]!r}"
    for word in words:
        option = word.partition("=")[0]
        if re.fullmatch(r"--?[a-z][a-z-]*", option) and option not in known[name]:
            return f"{name} has no option {option}"
    return None


if __name__ == "__main__":
    sys.exit(main())
