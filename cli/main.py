"""The command `art`: its commands, and the way from an exception to an exit code.

Importing this module, and `art --help`, load click and little else. A command's module is imported
when the command runs, and the SDK when the command needs it.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from artifacts._version import __version__
from artifacts.cli import _command, _errors
from artifacts.cli._app import App
from artifacts.store import collecting

if TYPE_CHECKING:
    from collections.abc import Sequence

COMPLETE_VARIABLE = "_ART_COMPLETE"
"""Set by the scripts of `art completion` when a shell asks how a line may go on."""

COMMANDS = {
    "init": "Make a store.",
    "push": "Store a file or folder as a version of an artifact.",
    "pull": "Write the files of a version, or the inputs of a run, into a folder.",
    "ls": "List artifacts, or the versions of one.",
    "show": "Show everything about a version.",
    "files": "List the files of a version.",
    "cat": "Print a file of a version.",
    "diff": "Show what changed from one version to another.",
    "alias": "Point aliases at a version, or take them away.",
    "tag": "Label a version, or take labels away.",
    "rm": "Delete versions.",
    "undelete": "Bring deleted versions back.",
    "retention": "Say which versions are kept.",
    "gc": "Collect garbage: free the bytes that no version needs.",
    "lineage": "Show what a version was made of, or what was made of it.",
    "impact": "Show what is affected if a version turns out to be wrong.",
    "why": "Show the shortest ways on which data flowed between two versions.",
    "stale": "Show whether a version should be made again.",
    "blame": "Show which version and run brought a file.",
    "find": "Show every version that holds a file.",
    "overlap": "Show which files two versions share by content.",
    "recall": "Say that a version is bad, or list what was recalled.",
    "deploy": "Record what works with a version, or list that.",
    "run": "Look at runs, and look after them.",
    "sweep": "Make searches over settings, and look after them.",
    "agent": "Try the configurations of a sweep.",
    "reproduce": "Get the inputs and the code of a run, and run it again.",
    "sync": "Bring to a remote store what was logged on this machine and is not there.",
    "cache": "Look after the local cache of remote stores.",
    "export": "Write a store, or a part of it, as one file or a folder.",
    "import": "Bring what an export holds into the store.",
    "import-from": "Bring over what W&B, MLflow or DVC has recorded.",
    "cp": "Copy a version to another artifact, project or store.",
    "refs": "List and check the files that a version refers to.",
    "check": "Check that the store is sound.",
    "doctor": "Try whether a store works from here, and say what to fix.",
    "config": "Show and change settings.",
    "completion": "Print a script that completes names in your shell.",
    "version": "Print the version of art and of what it runs on.",
}

_MODULES = {"cp": "copy", "import": "import_", "import-from": "import_from"}


def _load(name: str) -> click.Command:
    module = import_module(f"artifacts.cli.commands.{_MODULES.get(name, name)}")
    loaded: click.Command = module.command
    return loaded


class _Root(_command.LazyGroup):
    """The command `art` itself."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run a command line and exit."""
        arguments = list(sys.argv[1:] if args is None else args)
        if os.environ.get(COMPLETE_VARIABLE):
            super().main(arguments, "art", COMPLETE_VARIABLE, **extra)
        sys.exit(self._run(arguments, **extra))

    def _run(self, arguments: list[str], **extra: Any) -> int:
        """Run a command line; return the exit code."""
        app = App()
        try:
            try:
                with self.make_context("art", list(arguments), obj=app, **extra) as ctx:
                    self.invoke(ctx)
            finally:
                _close_stores()
                sys.stdout.flush()
        except click.exceptions.Exit as end:
            return end.exit_code
        except BrokenPipeError:
            _errors.silence_stdout()
            return _errors.BROKEN_PIPE
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return error.exit_code
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - nothing is swallowed
            failure = _errors.describe(error)
            # If the command line is what is wrong, it may not have been read as far as that.
            given = arguments[: arguments.index("--")] if "--" in arguments else arguments
            json = app.json or "--json" in given
            _errors.report(error, failure, json=json, verbose=app.verbose)
            return failure.exit_code
        return 0

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, and the global options in full."""
        self.format_commands(ctx, formatter)
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        _command.write_options(ctx, formatter, options)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write all exit codes as a table, then the example."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(f"{code:>3}", text) for code, text in _command.EXIT_CODES.items()])
        _command.write_example(formatter, self.example)


def _close_stores() -> None:
    session = sys.modules.get("artifacts._session")
    if session is not None:
        session.close_stores()


@click.group(
    cls=_Root,
    lazy=COMMANDS,
    load=_load,
    example="""
        art push data/ corpus -t dataset -a prod
        art pull corpus:prod -o out/
        art ls
        art show corpus:v3
    """,
)
@click.version_option(__version__, prog_name="art", message="%(prog)s %(version)s")
def cli() -> None:
    """Versions of data and models, by content.

    The store is the one named by --store or the setting `store`, else the nearest folder
    `.artifacts` upwards from here, else one in your data folder. Options of this list go
    before the command or after it.
    """


def main() -> NoReturn:
    """Run `art` with the arguments of the process."""
    collecting.expect_short_life()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # What a terminal cannot show is better shown as an escape than not at all.
            stream.reconfigure(errors="backslashreplace")
    cli.main()
