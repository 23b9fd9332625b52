"""From an exception to a message, a hint and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass

import click

from artifacts.cli._output import to_json
from artifacts.cli._text import printable
from artifacts.store.errors import ArtifactsError, from_os_error

INTERRUPTED = 130
BROKEN_PIPE = 141  # what the shell reports of a program that dies of SIGPIPE


@dataclass(frozen=True)
class Failure:
    """What is said of an error."""

    kind: str
    message: str
    hint: str | None
    exit_code: int


def describe(error: BaseException) -> Failure:
    """Return what to say of an error."""
    if isinstance(error, KeyboardInterrupt | EOFError | click.Abort):
        return Failure("interrupted", "interrupted", None, INTERRUPTED)
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else "art"
        hint = _near(error) or f"see: {path} --help"
        return Failure("usage", _sentence(error), hint, error.exit_code)
    if isinstance(error, click.ClickException):
        return Failure("usage", _sentence(error), None, error.exit_code)
    if isinstance(error, OSError) and not isinstance(error, ArtifactsError):
        what = f"use {error.filename}" if error.filename else "write the output"
        error = from_os_error(error, what)
    if isinstance(error, ArtifactsError):
        return Failure(error.kind, error.message, error.hint, error.exit_code)
    return Failure(
        "internal",
        f"{type(error).__name__}: {error}. This is a bug in art",
        "run it again with -v, and report what it prints",
        1,
    )


def report(error: BaseException, failure: Failure, *, json: bool, verbose: bool) -> None:
    """Print an error to stderr: as one JSON object, or for people."""
    if verbose and failure.kind == "internal":
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    if json:
        fields = {
            "kind": failure.kind,
            "message": failure.message,
            "hint": failure.hint,
            "exit_code": failure.exit_code,
        }
        click.echo(to_json({"error": fields}), err=True)
        return
    label = "" if failure.exit_code == INTERRUPTED else click.style("Error: ", fg="red", bold=True)
    click.echo(f"{label}{printable(failure.message)}", err=True)
    if failure.hint:
        click.echo(f"{click.style('Hint:', bold=True)} {printable(failure.hint)}", err=True)
    if verbose and failure.kind != "internal":
        _report_causes(error)


def silence_stdout() -> None:
    """Make sure that nobody writes into a broken pipe again, not even at exit."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass  # stdout is not a file


def _near(error: click.UsageError) -> str | None:
    if isinstance(error, click.NoSuchOption | click.exceptions.NoSuchCommand):
        near = " or ".join(sorted(error.possibilities or ()))
        return f"did you mean {near}?" if near else None
    return None


def _sentence(error: click.ClickException) -> str:
    """Return click's message the way ours are written, without its guesses."""
    guessing = isinstance(error, click.NoSuchOption | click.exceptions.NoSuchCommand)
    text = error.message if guessing else error.format_message().strip()
    return text[:1].lower() + text[1:].removesuffix(".")


def _report_causes(error: BaseException) -> None:
    cause = error.__cause__
    while cause is not None:
        text = f"Cause: {type(cause).__name__}: {cause}"
        click.echo(printable(text), err=True)
        cause = cause.__cause__
