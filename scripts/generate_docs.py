"""Write those parts of the documentation that follow from the code.

`docs/reference/` as a whole; what stands between markers like `<!-- generated: tree -->` and
`<!-- end -->` in other pages; and the output in sessions, see `sessions.py`. `make docs` runs it;
`make check` and the tests make sure that it was run.
"""

import ast
import dataclasses
import enum
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ForwardRef

import click

import artifacts
from artifacts import plot
from artifacts._compared_outputs import OutputComparison
from artifacts._reference_settings import variables as wandb_variables
from artifacts._reproducing import Outcome, PackageChange, Reproduction
from artifacts._run_code import RunCode
from artifacts._run_diff import RunChange, RunDiff
from artifacts._run_environment import RUN_VARIABLES
from artifacts._run_inputs import RestoredInput
from artifacts._setting_list import SETTINGS
from artifacts.api import Viewer
from artifacts.charts.custom import CustomChart
from artifacts.filesystem import ArtifactFileSystem
from artifacts.runs.config import Config
from artifacts.runs.summary import Summary
from artifacts.store.checkout import CheckoutResult
from artifacts.store.diff import Change, ManifestDiff, MetadataChange
from artifacts.store.errors import ArtifactsError
from artifacts.store.lineage import Edge, EdgeKind, LineageGraph
from artifacts.store.lineage.impact import Impact
from artifacts.store.lineage.overlap import Overlap, SharedContent, Side
from artifacts.store.lineage.paths import LineagePaths
from artifacts.store.lineage.provenance import Blame, FileHit, FileHits, PathChange
from artifacts.store.lineage.stale import Finding, Severity, StaleKind, Staleness
from artifacts.store.manifest import Entry
from artifacts.store.progress import Progress
from artifacts.store.records import LinkRecord, RunRecord, VersionRecord
from artifacts.store.row_diff import RowChange, RowDiff
from scripts import sessions

CHECKOUT = Path(__file__).resolve().parent.parent
DOCS = CHECKOUT / "docs"

WRITTEN_BY = "<!-- Written by scripts/generate_docs.py; `make docs` writes it again. -->"

PYTHON_INTRODUCTION = """\
Everything here is imported from `artifacts`. Functions act on the active run, which is
`artifacts.run`, or `None`. `artifacts.__version__` is the version."""

# What the public functions return or take, beside what can be imported from `artifacts`.
RESULTS = (
    Viewer,
    Config,
    Summary,
    RunRecord,
    VersionRecord,
    LinkRecord,
    CustomChart,
    RunDiff,
    RunChange,
    RestoredInput,
    Reproduction,
    RunCode,
    PackageChange,
    Outcome,
    OutputComparison,
    ArtifactFileSystem,
    LineageGraph,
    Edge,
    EdgeKind,
    LineagePaths,
    Impact,
    Staleness,
    Finding,
    StaleKind,
    Severity,
    Blame,
    PathChange,
    FileHits,
    FileHit,
    Overlap,
    Side,
    SharedContent,
    ManifestDiff,
    Change,
    MetadataChange,
    RowDiff,
    RowChange,
    Entry,
    CheckoutResult,
    Progress,
)

# Public by their names only.
INTERNAL = {"ArtifactEntry.copy_for"}

LONG = 100

CELL_PIPE = r"\|"


def main() -> int:
    for path, text in pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(CHECKOUT)}")
    sessions.write()
    return 0


def pages() -> dict[Path, str]:
    """Return the text that each page with generated parts should have."""
    guides = DOCS / "guides"
    errors, settings = guides / "errors.md", guides / "settings.md"
    wandb = guides / "coming-from-wandb.md"
    return {
        DOCS / "reference" / "cli.md": command_line(),
        DOCS / "reference" / "python.md": python(),
        errors: fill(errors, {"tree": error_tree, "kinds": error_kinds, "exits": exit_codes}),
        wandb: fill(wandb, {"wandb variables": wandb_variable_table}),
        settings: fill(settings, {"settings": setting_table, "run variables": run_variable_table}),
    }


def fill(page: Path, parts: dict[str, Callable[[], str]]) -> str:
    """Return a page with its generated parts made anew.

    Raises:
        SystemExit: The page does not have the markers.
    """
    text = page.read_text(encoding="utf-8")
    for name, make in parts.items():
        start = f"<!-- generated: {name} -->\n"
        before, found, rest = text.partition(start)
        _, ended, after = rest.partition("<!-- end -->")
        if not (found and ended):
            raise SystemExit(f"{page}: no part {start.strip()} … <!-- end -->")
        text = f"{before}{start}{make()}<!-- end -->{after}"
    return text


# -- settings and errors


def setting_table() -> str:
    rows = [f"| `{s.name}` | `{s.variable}` | {s.help} |" for s in SETTINGS.values()]
    return "\n".join(["| Setting | Environment | Meaning |", "|---|---|---|", *rows]) + "\n"


def run_variable_table() -> str:
    rows = [f"| `{each.argument}=` | `{each.variable}` | {each.help} |" for each in RUN_VARIABLES]
    head = ["| Argument of `init` | Environment | Meaning |", "|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def wandb_variable_table() -> str:
    ours = {each.argument: each.variable for each in RUN_VARIABLES}
    ours |= {name: setting.variable for name, setting in SETTINGS.items()}
    rows = [
        f"| `{ours[name]}` | {', '.join(f'`{variable}`' for variable in theirs)} |"
        for name, theirs in wandb_variables().items()
    ]
    return "\n".join(["| Here | In W&B |", "|---|---|", *rows]) + "\n"


def error_classes(start: type[ArtifactsError] = ArtifactsError) -> Iterator[type[ArtifactsError]]:
    """Yield the whole tree, parents first, in the order of definition."""
    yield start
    for child in start.__subclasses__():
        yield from error_classes(child)


def error_tree() -> str:
    rows = [(_tree_label(class_, prefix), class_) for class_, prefix in _branches(ArtifactsError)]
    width = max(len(label) for label, _ in rows)
    lines = [
        f"{label:<{width}}  {class_.exit_code:>2}  {_first_sentence(class_)}"
        for label, class_ in rows
    ]
    return "```text\n" + "\n".join(lines) + "\n```\n"


def _branches(
    class_: type[ArtifactsError], indent: str = ""
) -> Iterator[tuple[type[ArtifactsError], str]]:
    yield class_, ""
    children = class_.__subclasses__()
    for child in children:
        last = child is children[-1]
        for found, prefix in _branches(child):
            if found is child:
                yield found, f"{indent}{'└── ' if last else '├── '}"
            else:
                yield found, f"{indent}{'    ' if last else '│   '}{prefix}"


def _tree_label(class_: type, prefix: str) -> str:
    others = [base.__name__ for base in class_.__bases__ if not issubclass(base, ArtifactsError)]
    others = [name for name in others if name != "Exception"]
    return f"{prefix}{class_.__name__}" + (f" ({', '.join(others)})" if others else "")


def _first_paragraph(thing: object) -> str:
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split()).replace("``", "`")


def _first_sentence(thing: object) -> str:
    return re.split(r"(?<=[.])\s", _first_paragraph(thing))[0]


def error_kinds() -> str:
    kinds: dict[str, set[str]] = {}
    for class_ in error_classes():
        kinds.setdefault(class_.__name__, set()).add(class_.kind)
    for folder in ("artifacts", "store", "cli"):
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            for name, kind in _raised_kinds(path):
                if name in kinds:
                    kinds[name].add(kind)
    lines = ["| Class | `kind` |", "|---|---|"]
    for class_ in error_classes():
        listed = ", ".join(f"`{kind}`" for kind in sorted(kinds[class_.__name__]))
        lines.append(f"| `{class_.__name__}` | {listed} |")
    return "\n".join(lines) + "\n"


def exit_codes() -> str:
    from artifacts.cli._command import EXIT_CODES

    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join(["| Code | Meaning |", "|---|---|", *rows]) + "\n"


def _raised_kinds(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (class, kind) of every error that a module makes with a kind of its own."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for keyword in node.keywords:
                value = keyword.value
                if keyword.arg == "kind" and isinstance(value, ast.Constant):
                    yield node.func.id, str(value.value)


# -- Python


def public_names() -> list[str]:
    return [name for name in artifacts.__all__ if name != "__version__"]


def python() -> str:
    things = {name: getattr(artifacts, name) for name in public_names()}
    functions = {name: thing for name, thing in things.items() if inspect.isfunction(thing)}
    classes = {name: thing for name, thing in things.items() if inspect.isclass(thing)}
    charts = {name: getattr(plot, name) for name in plot.__all__ if name not in things}
    del charts[CustomChart.__name__]
    errors = [name for name, thing in classes.items() if issubclass(thing, ArtifactsError)]
    parts = [
        "# Python reference",
        WRITTEN_BY,
        PYTHON_INTRODUCTION,
        "## Functions",
        *(_function(name, thing) for name, thing in functions.items()),
        "## Charts",
        *(_function(f"plot.{name}", thing) for name, thing in charts.items()),
        "## Classes",
    ]
    for name, thing in classes.items():
        if name not in errors:
            parts.append(_class(f"artifacts.{name}", thing))
    parts += [
        "## Exceptions",
        "The tree, and when to catch which: [Errors](../guides/errors.md).",
        "\n".join(f"- `artifacts.{name}`: {_first_sentence(things[name])}" for name in errors),
        "## Results",
        "What the calls above return, and `Progress`, from which to derive a display of your own.",
    ]
    for thing in RESULTS:
        parts.append(_class(f"{thing.__module__}.{thing.__name__}", thing, constructor=False))
    return "\n\n".join(parts) + "\n"


def _class(name: str, class_: type, *, constructor: bool = True) -> str:
    short = name.rpartition(".")[2]
    lines = [f"### {short}", f"`{name}`"]
    if constructor and "Args:" in (inspect.getdoc(class_) or ""):
        lines.append(_signature(short, class_, returns=False))
    lines.append(_docstring(class_, arguments=constructor))
    if issubclass(class_, enum.Enum):
        lines.append(f"Values: {', '.join(f'`{member.value}`' for member in class_)}.")
    fields = [
        f"| `{key}` | `{type_.replace('|', CELL_PIPE)}` |" for key, type_ in _fields(class_).items()
    ]
    if fields:
        lines.append("\n".join(["| Field | Type |", "|---|---|", *fields]))
    members = {
        key: value.__func__ if isinstance(value, staticmethod) else value
        for key, value in vars(class_).items()
        if not key.startswith("_")
    }
    properties = [
        f"| `{key}` | {_first_paragraph(value)} |"
        for key, value in members.items()
        if isinstance(value, property)
    ]
    if properties:
        lines.append("\n".join(["| Property | |", "|---|---|", *properties]))
    lines += [
        _function(f"{short}.{key}", value, level=4)
        for key, value in members.items()
        if inspect.isfunction(value) and f"{short}.{key}" not in INTERNAL
    ]
    return "\n\n".join(lines)


def _fields(class_: type) -> dict[str, str]:
    """Return the fields of a dataclass or named tuple with their types."""
    if not (dataclasses.is_dataclass(class_) or hasattr(class_, "_fields")):
        return {}
    return {name: _annotation(type_) for name, type_ in inspect.get_annotations(class_).items()}


def _function(title: str, function: Callable[..., object], level: int = 3) -> str:
    parts = [f"{'#' * level} {title}", _signature(title, function), _docstring(function)]
    return "\n\n".join(parts)


def _signature(name: str, callable_: Callable[..., object], *, returns: bool = True) -> str:
    """Return a signature, on several lines if one is too long."""
    signature = inspect.signature(callable_)
    pieces: list[str] = []
    before = None
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        kind = parameter.kind
        if kind is kind.KEYWORD_ONLY and before not in {kind.KEYWORD_ONLY, kind.VAR_POSITIONAL}:
            pieces.append("*")
        stars = {kind.VAR_POSITIONAL: "*", kind.VAR_KEYWORD: "**"}.get(kind, "")
        piece = f"{stars}{parameter.name}: {_annotation(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            piece += f" = {_default(parameter.default)}"
        pieces.append(piece)
        before = kind
    arrow = f" -> {_annotation(signature.return_annotation)}" if returns else ""
    arrow = arrow.removesuffix(" -> None")
    line = f"{name}({', '.join(pieces)}){arrow}"
    if len(line) > LONG:
        line = f"{name}(\n" + "".join(f"    {piece},\n" for piece in pieces) + f"){arrow}"
    return f"```text\n{line}\n```"


def _default(value: object) -> str:
    if inspect.isfunction(value):
        return value.__name__
    # Without a representation of its own a value shows its address, another one each time.
    return "…" if type(value).__repr__ is object.__repr__ else repr(value)


def _annotation(annotation: object) -> str:
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _docstring(thing: object, *, arguments: bool = True) -> str:
    """Turn a docstring with Args, Returns, Raises, Attributes and Example into Markdown."""
    text = (inspect.getdoc(thing) or "").replace("``", "`")
    sections = re.split(r"^(Args|Returns|Raises|Attributes|Example):\n", text, flags=re.MULTILINE)
    parts = [_prose(sections[0])]
    for title, body in zip(sections[1::2], sections[2::2], strict=True):
        content = inspect.cleandoc(f"\n{body}")
        if title == "Args" and not arguments:
            continue
        if title == "Example":
            parts.append(f"```text\n{content}\n```")
        elif title == "Returns":
            parts.append(f"Returns: {_prose(content)}")
        else:
            parts.append(f"{title}:\n\n" + "\n".join(_items(content)))
    return "\n\n".join(part for part in parts if part)


def _prose(text: str) -> str:
    # The body of a docstring's paragraph is one line here.
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def _items(text: str) -> Iterator[str]:
    """Yield the items of a section, each with its continuation lines joined."""
    for item in re.split(r"\n(?=\S)", text):
        name, _, meaning = item.partition(":")
        yield f"- `{name.strip()}`: {' '.join(meaning.split())}"


# -- the command line


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield every command with the words that call it."""
    from artifacts.cli.main import cli

    yield from _commands(cli, "art", None)


def _commands(
    command: click.Command, words: str, parent: click.Context | None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    name = words.rpartition(" ")[2]
    context = click.Context(command, parent, name, **command.context_settings)
    context.terminal_width = context.max_content_width = LONG
    yield words, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _commands(child, f"{words} {name}", context)


def command_line() -> str:
    parts = [
        "# Command line reference",
        WRITTEN_BY,
        "What every command says with `--help`. Guide: [Command line](../guides/command-line.md).",
    ]
    for words, command, context in commands():
        parts.append(f"## {words}\n\n```text\n{command.get_help(context)}\n```")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
