"""`art config`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import ArtGroup

if TYPE_CHECKING:
    from collections.abc import Callable

_key_argument = click.argument(
    "key", shell_complete=_complete.setting_names, help="Name of the setting."
)


def _file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --user and --project; here the latter names a file, not a project."""
    user = click.option(
        "--user", "file", flag_value="user", default="user", help="In the user's file (default)."
    )
    project = click.option("--project", "file", flag_value="project", help="In the project's file.")
    return user(project(command))


@click.group(
    "config",
    cls=ArtGroup,
    invoke_without_command=True,
    example="""
        art config
        art config set project demo
    """,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show and change settings.

    A setting comes from the command line, else from the environment (ART_STORE, ART_PROJECT, …),
    else from the nearest file `artifacts.toml` upwards, else from the user's file `config.toml`.
    Without a command, this is `art config list`.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@command.command("list", example="art config list")
@click.pass_obj
def list_(app: App) -> None:
    """List all settings, their values, and where these come from."""
    out, values = app.output, app.settings.values

    def human() -> None:
        rows = [[name, value.shown, value.origin] for name, value in values.items()]
        out.table(["SETTING", "VALUE", "FROM"], rows)

    out.result(
        lambda: {"settings": {name: _data(app, name) for name in values}},
        human=human,
        quiet=lambda: (f"{name}={value.shown}" for name, value in values.items()),
    )


@command.command("get", example="art config get store")
@_key_argument
@click.pass_obj
def get(app: App, key: str) -> None:
    """Print the value of a setting."""
    from artifacts._setting_list import get_setting

    get_setting(key)
    out, value = app.output, app.settings[key].shown
    out.result(lambda: {key: _data(app, key)}, human=lambda: out.line(value), quiet=lambda: [value])


@command.command(
    "set",
    example="""
        art config set project demo
        art config set store ../store --project
    """,
    exits=(14, 16),
)
@_key_argument
@click.argument("value", help="A path is relative to here; - reads a secret from stdin.")
@_file_options
@click.pass_obj
def set_(app: App, key: str, value: str, file: str) -> None:
    """Write a setting into a file.

    The file of the project is the nearest `artifacts.toml` upwards, else one in the working
    directory.
    """
    from artifacts._setting_files import write
    from artifacts._setting_list import get_setting

    path = _file(file)
    if value == "-" and get_setting(key).is_secret:
        value = _read_secret(key)
    if get_setting(key).is_path and "://" not in value:
        value = _relative(value, path, inside=file == "project")
    write(path, key, value)
    _report(app, key, path, value)


@command.command("unset", example="art config unset project", exits=(14, 16))
@_key_argument
@_file_options
@click.pass_obj
def unset(app: App, key: str, file: str) -> None:
    """Remove a setting from a file."""
    from artifacts._setting_files import write

    path = _file(file)
    write(path, key, None)
    _report(app, key, path, None)


@command.command("path", example="art config path")
@click.pass_obj
def path_(app: App) -> None:
    """Print where the files with settings are, whether they exist or not."""
    out, files = app.output, {name: str(_file(name)) for name in ("project", "user")}

    def human() -> None:
        for name, path in files.items():
            there = "" if os.path.exists(path) else "  (does not exist)"
            out.line(f"{name:<7}  {path}{there}")

    out.result(lambda: files, human=human, quiet=files.values)


def _data(app: App, key: str) -> dict[str, Any]:
    found = app.settings[key]
    return {"value": found.shown, "from": found.origin}


def _file(which: str) -> Path:
    from artifacts import _setting_files

    if which == "user":
        return _setting_files.user_file()
    return _setting_files.find_project_file() or Path.cwd() / _setting_files.PROJECT_FILE


def _relative(value: str, file: Path, *, inside: bool) -> str:
    """Return a path that means the same in a file as it did on the command line.

    Args:
        inside: Whether a path below the file's folder stays relative to it.
    """
    absolute = os.path.abspath(os.path.expanduser(value))
    if inside and Path(absolute).is_relative_to(file.parent):
        return os.path.relpath(absolute, file.parent)
    return absolute


def _read_secret(key: str) -> str:
    """Return a value that appears neither on the screen nor in the list of processes."""
    import sys

    if sys.stdin.isatty():
        return str(click.prompt(key, hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _report(app: App, key: str, path: Path, value: str | None) -> None:
    from artifacts._setting_list import get_setting

    out = app.output
    if value is not None and get_setting(key).is_secret:
        value = "********"
    now = app.settings[key]  # read for the first time, so as it is after the change

    def human() -> None:
        what = f"{key} = {value}" if value is not None else f"{key} is not set any more"
        out.line(f"{what}, in {path}")
        if value is not None and now.origin != str(path):
            out.note(f"Note: it has no effect here: {now.origin} says {now.shown}")

    out.result(
        lambda: {"file": str(path), "key": key, "written": value, "now": _data(app, key)},
        human=human,
    )
