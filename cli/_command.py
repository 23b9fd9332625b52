"""What all commands share: the global options, and help that ends with an example."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

EXIT_CODES = {
    0: "done",
    1: "not possible now, or not confirmed",
    2: "wrong usage, name or setting",
    3: "done in part; some of it failed",
    10: "no such store",
    11: "nothing of that name",
    12: "it exists already, or somebody else was faster",
    13: "data is damaged, or a file changed while it was read",
    14: "disk or storage failed",
    15: "made by a newer version, or not a store",
    16: "permission denied",
    130: "interrupted",
}
"""What the exit codes mean; `artifacts.store.errors` says which error has which."""

READING = (10, 11, 13, 14, 15, 16, 130)
"""What a command that reads from a store can end with, beside 0, 1 and 2."""

WRITING = (12, *READING[2:])
"""The same of one that writes, and makes the store if there is none."""


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    app = ctx.ensure_object(App)
    if value and param.name:
        setattr(app, param.name, value)


def _global(*names: str, **settings: Any) -> click.Option:
    return click.Option(names, callback=_remember, expose_value=False, **settings)


GLOBAL_OPTIONS: tuple[click.Option, ...] = (
    _global("--store", metavar="PATH", type=click.Path(), help="Folder of the store."),
    _global("--project", metavar="NAME", help="Project to work in."),
    _global("--entity", metavar="NAME", help="Owner of the project."),
    _global("--json", is_flag=True, help="Print the result, or the error, as JSON."),
    _global("-q", "--quiet", is_flag=True, help="Print only what a script needs."),
    _global("-v", "--verbose", is_flag=True, help="Show on stderr what is done, and tracebacks."),
)


class Art(click.Command):
    """A command of `art`.

    Args:
        example: Command lines that show it, one a line.
        exits: Exit codes to list in the help, beside 0, 1 and 2.
    """

    def __init__(
        self, *args: Any, example: str = "", exits: Iterable[int] = (), **kwargs: Any
    ) -> None:
        kwargs.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        super().__init__(*args, **kwargs)
        self.example = example
        self.exits = tuple(exits)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Add the global options, but for names that the command uses itself."""
        own = super().get_params(ctx)
        taken = {name for param in own for name in param.opts}
        return [*own, *(o for o in GLOBAL_OPTIONS if not taken.intersection(o.opts))]

    def invoke(self, ctx: click.Context) -> Any:
        """Start what the global options ask for, then run the command."""
        app = ctx.ensure_object(App)
        if not isinstance(self, click.Group):
            ctx.call_on_close(_handle_log(app.verbose))
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the names of the global ones."""
        own = [p for p in super().get_params(ctx) if isinstance(p, click.Option)]
        write_options(ctx, formatter, own)
        if ctx.parent is not None:
            offered = [p for p in self.get_params(ctx) if p in GLOBAL_OPTIONS]
            names = ", ".join(p.opts[0] for p in offered)
            formatter.write_paragraph()
            formatter.write_text(f"Global options: {names} (see art --help)")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes and the example."""
        write_exit_codes(formatter, self.exits)
        write_example(formatter, self.example)


class ArtGroup(Art, click.Group):
    """A command that has commands."""

    command_class = Art

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands before the options."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)


class CommandGroup(ArtGroup):
    """A command with arguments of its own that has commands too.

    The name of a command comes first on the line. Whatever else comes first is an argument.
    """

    allow_interspersed_args = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, invoke_without_command=True, subcommand_metavar="", **kwargs)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the line of one of the commands, or of this one."""
        if args and args[0] in self.commands:
            above = click.Context(self, parent, info_name)
            return self.commands[args[0]].make_context(args[0], args[1:], above, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Leave out the arguments for the name of a command below: they are not given then."""
        params = super().get_params(ctx)
        if ctx.command is self:
            return params
        return [param for param in params if not isinstance(param, click.Argument)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command itself."""
        ctx.call_on_close(_handle_log(ctx.ensure_object(App).verbose))
        return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse what comes after the arguments: it is no command."""
        raise click.UsageError(f"there is an argument too many: {' '.join(args)}", ctx)


class LazyGroup(ArtGroup):
    """A group that imports a command only to run it.

    Args:
        commands: For each name, what the command does; its module is found by the name.
        load: Imports the command of that name.
    """

    def __init__(
        self,
        *args: Any,
        lazy: Mapping[str, str],
        load: Callable[[str], click.Command],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy
        self._load = load

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a user meets the commands."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        return self._load(cmd_name) if cmd_name in self.lazy else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command to run; of an unknown one say what it resembles."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=self.lazy, ctx=ctx
            ) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, none of which is imported."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.lazy.items()))

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem[str]]:
        """Complete the names of commands, none of which is imported, and options."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=text)
            for name, text in self.lazy.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


def write_options(
    ctx: click.Context, formatter: click.HelpFormatter, options: Sequence[click.Option]
) -> None:
    """Write options with what they mean."""
    rows = [row for option in options if (row := option.get_help_record(ctx)) is not None]
    with formatter.section("Options"):
        formatter.write_dl(rows)


def write_exit_codes(formatter: click.HelpFormatter, codes: Iterable[int]) -> None:
    """Write what some exit codes mean; those that every command has are not listed."""
    text = "; ".join(f"{code} {EXIT_CODES[code]}" for code in codes)
    if text:
        formatter.write_paragraph()
        formatter.write_text(f"Exit codes: {text}.")


def write_example(formatter: click.HelpFormatter, example: str) -> None:
    """Write command lines."""
    lines = inspect.cleandoc(example).splitlines()
    if lines:
        with formatter.section("Example" if len(lines) == 1 else "Examples"):
            for line in lines:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def _handle_log(show: bool) -> Callable[[], None]:
    """Send the library's log to stderr, or nowhere; return a function that stops that."""
    import logging

    logger = logging.getLogger("artifacts")
    handler = logging.StreamHandler() if show else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    before = logger.level
    logger.addHandler(handler)
    if show:
        logger.setLevel(logging.DEBUG)

    def stop() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    return stop
