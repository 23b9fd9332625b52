"""Where everything a command prints goes through.

Results go to stdout, and nothing else does: a table or text for people, with ``--json`` one JSON
object, with ``--quiet`` only what a script would use, one item a line. Notes, questions, progress
and errors go to stderr, errors as JSON too if ``--json`` is given; so stdout can always be piped,
and is empty when a command fails (except for `art check`, whose findings are its result).

Text that users have chosen (names, aliases, descriptions, paths) may hold characters that control
a terminal. They are made visible here, in one place.
"""

from __future__ import annotations

import enum
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._text import layout, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from artifacts.store.progress import Progress


_PLAIN_WIDTH = 80


class Mode(enum.Enum):
    """For whom the output is."""

    HUMAN = "human"
    JSON = "json"
    QUIET = "quiet"


class Output:
    """Prints in one mode."""

    def __init__(self, mode: Mode = Mode.HUMAN) -> None:
        self.mode = mode

    def result(
        self,
        data: Callable[[], Mapping[str, Any]],
        *,
        human: Callable[[], None],
        quiet: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        """Print what a command has found or done, in the form that was asked for.

        Args:
            data: Makes the JSON object.
            human: Prints for people, with the other methods.
            quiet: Makes the lines for scripts; None for nothing.
        """
        if self.mode is Mode.JSON:
            click.echo(to_json(data()))
        elif self.mode is Mode.HUMAN:
            human()
        elif quiet is not None:
            # In a pipe a name is what it is, however odd.
            show = printable if sys.stdout.isatty() else str
            text = "".join(f"{show(line)}\n" for line in quiet())
            click.echo(text, nl=False)

    # -- for people

    def line(self, text: str = "", **style: Any) -> None:
        """Print a line."""
        click.echo(click.style(printable(text), **style) if style else printable(text))

    def paragraph(self, text: str, *, indent: int = 0) -> None:
        """Print text with line breaks where it would be wider than the terminal."""
        import textwrap

        space = " " * indent
        wrapped = textwrap.wrap(
            printable(text),
            _width() or 1 << 16,
            initial_indent=space,
            subsequent_indent=space,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in wrapped:
            click.echo(line)

    def table(
        self,
        headers: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        right: str | Iterable[int] = "",
    ) -> None:
        """Print rows under headers; on a terminal, long cells are cut so that rows fit.

        Args:
            right: Columns that are aligned to the right: their numbers, or their headers,
                separated by spaces.
        """
        named = right.split() if isinstance(right, str) else right
        aligned = {headers.index(each) if isinstance(each, str) else each for each in named}
        head, *lines = layout([headers, *rows], right=aligned, width=_width())
        click.echo(click.style(head, bold=True))
        if lines:
            click.echo("\n".join(lines))

    @property
    def width(self) -> int:
        """How many characters a line has: those of the terminal, or 80."""
        return _width() or _PLAIN_WIDTH

    def columns_of(self, width: int) -> int | None:
        """Return how many columns of a table fit, of so many characters each; None for any."""
        available = _width()
        return None if available is None else max((available + 2) // (width + 2), 1)

    def lines(self, rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> None:
        """Print rows in columns without headers."""
        lines = layout(list(rows), right=set(right), width=_width())
        if lines:
            click.echo("\n".join(lines))

    def fields(self, rows: Iterable[tuple[str, str]]) -> None:
        """Print names and values; values of several lines are indented, empty ones left out."""
        shown = [(name, value) for name, value in rows if value]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            label = click.style(f"  {name:<{width}}  ", dim=True)
            indent = " " * (width + 4)
            first, *others = [printable(line) for line in value.split("\n")]
            click.echo("\n".join([label + first, *(indent + line for line in others)]))

    def note(self, text: str) -> None:
        """Tell people something beside the result."""
        if self.mode is Mode.HUMAN:
            click.echo(printable(text), err=True)

    def confirm(
        self,
        question: str,
        *,
        doing: str = "this deletes something",
        hint: str = "confirm with -y, or look first with --dry-run",
    ) -> bool:
        """Ask before something is deleted.

        Args:
            doing: What is going to happen, for the error.
            hint: What to do if there is nobody to ask.

        Raises:
            InvalidInputError: There is nobody to ask.
        """
        if self.mode is not Mode.HUMAN or not interactive():
            from artifacts.store.errors import InvalidInputError

            raise InvalidInputError(
                f"{doing}, and there is nobody to ask",
                hint=hint,
                kind="not_confirmed",
            )
        return click.confirm(printable(question), err=True)

    def progress(self, what: str) -> AbstractContextManager[Progress | None]:
        """Return a bar for something that may take long; None unless people watch."""
        if self.mode is not Mode.HUMAN or not sys.stderr.isatty():
            return nullcontext()
        from artifacts.cli._progress import Bar

        return Bar(what)


def interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def to_json(data: Any) -> str:
    """Return JSON in ASCII: whatever names contain, a terminal shows it unharmed."""
    import json

    return json.dumps(data, indent=2, allow_nan=False)


def _width() -> int | None:
    """Return how wide the terminal is, None if there is none."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns
