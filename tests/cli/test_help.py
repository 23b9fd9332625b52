"""Help: what every command says about itself."""

import click
import pytest

from artifacts.cli._command import EXIT_CODES, GLOBAL_OPTIONS
from artifacts.cli.main import COMMANDS, cli


def commands(group=cli, words=(), parent=None):
    ctx = click.Context(group, info_name=(*words, "art")[-1], parent=parent)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        yield (*words, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name), ctx)


ALL = dict(commands())
IDS = [" ".join(words) for words in ALL]


def test_the_commands_of_the_list_exist():
    assert {words[0] for words in ALL} == set(COMMANDS)


@pytest.mark.parametrize(("words", "command"), ALL.items(), ids=IDS)
def test_help_ends_with_an_example(art, words, command):
    text = art(*words, "--help").out
    assert text == art(*words, "-h").out
    head, _, example = text.rstrip().rpartition("\n\n")
    assert example.startswith(("Example:\n  ", "Examples:\n  "))
    assert f"art {words[0]}" in example or words[0] == "completion"
    assert head.splitlines()[2].strip().endswith(".")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(("words", "command"), ALL.items(), ids=IDS)
def test_help_lists_exit_codes(art, words, command):
    if isinstance(command, click.Group) or not command.exits:
        return
    text = " ".join(art(*words, "--help").out.split())
    listed = text.partition("Exit codes: ")[2]
    assert set(command.exits) <= EXIT_CODES.keys()
    for code in command.exits:
        assert f"{code} {EXIT_CODES[code]}" in listed


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(name):
    assert ALL[name,].help.strip().split("\n\n")[0].replace("\n", " ") == COMMANDS[name]


@pytest.mark.parametrize(("words", "command"), ALL.items(), ids=IDS)
def test_options_and_arguments_are_explained(words, command):
    for param in command.params:
        assert param.help


def test_help_of_art(art):
    text = art("--help").out
    words = " ".join(text.split())  # long summaries take two lines
    for name, summary in COMMANDS.items():
        assert f" {name} {summary} " in words
    for option in GLOBAL_OPTIONS:
        assert option.help in text
    for code, meaning in EXIT_CODES.items():
        assert f"{code:>5}  {meaning}\n" in text
