"""How the program of a sweep is called: a list of words with macros in them."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from artifacts.store.errors import InvalidInputError

DEFAULT = ("${env}", "${interpreter}", "${program}", "${args}")

_MACRO = re.compile(r"\$\{([^}]*)\}")
_WORDS = frozenset({"env", "interpreter", "program"})
_LISTS = frozenset({"args", "args_no_hyphens", "args_no_boolean_flags"})
_TEXTS = frozenset({"args_json", "args_json_file"})
_VARIABLE = "envvar:"


def check_command(told: Any, program: str | None) -> tuple[str, ...] | None:
    """Return a command as it was given; None if none was.

    Raises:
        InvalidInputError: It is no list of words, has a macro that does not exist, or needs a
            program and there is none.
    """
    if told is None:
        return None
    words = [told] if isinstance(told, str) else told
    if not isinstance(words, Sequence) or not words:
        raise _bad(f"must be a list of words, not {told!r}")
    for word in words:
        if not isinstance(word, str):
            raise _bad(f"must be a list of words, and {word!r} is none")
        for name in _MACRO.findall(word):
            _check_macro(name, word, program)
    return tuple(words)


def fill_in(
    command: Sequence[str], program: str | None, config: Mapping[str, Any], args_file: str
) -> list[str]:
    """Return the words of a command for one configuration.

    Args:
        command: Words, checked.
        config: Parameters by name; nested ones are given as JSON.
        args_file: Path that ``${args_json_file}`` stands for.

    Raises:
        InvalidInputError: An environment variable that it names is not set.
    """
    words: list[str] = []
    for word in command:
        name = _MACRO.fullmatch(word)
        if name is not None and name[1] in _LISTS:
            words += _arguments(name[1], config)
        else:
            words.append(
                _MACRO.sub(lambda found: _text(found[1], program, config, args_file), word)
            )
    return words


def _check_macro(name: str, word: str, program: str | None) -> None:
    if name in _LISTS and word != f"${{{name}}}":
        raise _bad(f"has ${{{name}}} within a word: it stands for several, and so for itself only")
    if name == "program" and program is None:
        raise _bad("has ${program}, and there is no program")
    if name.startswith(_VARIABLE) and name != _VARIABLE:
        return
    if name not in _WORDS | _LISTS | _TEXTS:
        known = ", ".join(f"${{{each}}}" for each in sorted(_WORDS | _LISTS | _TEXTS))
        raise _bad(f"has an unknown macro ${{{name}}}", f"there are {known} and ${{envvar:NAME}}")


def _text(name: str, program: str | None, config: Mapping[str, Any], args_file: str) -> str:
    if name.startswith(_VARIABLE):
        variable = name.removeprefix(_VARIABLE)
        value = os.environ.get(variable)
        if value is None:
            raise _bad(f"needs the environment variable {variable}, which is not set")
        return value
    texts = {
        "env": "/usr/bin/env",
        "interpreter": sys.executable,
        "program": program or "",
        "args_json": json.dumps(config),
        "args_json_file": args_file,
    }
    return texts[name]


def _arguments(name: str, config: Mapping[str, Any]) -> list[str]:
    """Return the parameters as words such as ``--lr=0.1``."""
    words = []
    for key, value in config.items():
        if name == "args_no_boolean_flags" and isinstance(value, bool):
            words += [f"--{key}"] if value else []
        else:
            hyphens = "" if name == "args_no_hyphens" else "--"
            words.append(f"{hyphens}{key}={_word(value)}")
    return words


def _word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _bad(why: str, hint: str | None = None) -> InvalidInputError:
    return InvalidInputError(f"command {why}", hint=hint, kind="bad_sweep")
