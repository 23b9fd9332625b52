r"""Regular expressions that mean the same to Python and to PostgreSQL.

What both understand, and nothing else: characters, ``.`` (also a line break), ``^`` and ``$`` (the
ends of the text), ``[…]``, ``(…)``, ``(?:…)``, ``(?=…)``, ``(?!…)``, ``|``, the quantifiers
``* + ? {m} {m,} {m,n}`` (up to 255) and their lazy forms, ``\d \w \s \D \W \S``, ``\b``, ``\B``,
``\n \r \t \f \v``, a backslash before anything that is no letter or digit, and ``(?i)`` at the very
beginning. Classes and ``(?i)`` know the letters of ASCII only.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

_MOST_REPEATS = 255

_IGNORE_CASE = "(?i)"
_TOKEN = re.compile(
    r"""
    (?P<escape> \\[dwsDWSbBnrtfv] | \\[^A-Za-z0-9] )
    | (?P<set> \[ \^? \]? (?: \\[dwsnrtfv] | \\[^A-Za-z0-9] | [^\\\[\]] )* \] )
    | (?P<group> \( (?! \? ) | \(\?: | \(\?= | \(\?! )
    | (?P<repeat> (?: [*+?] | \{ (?P<low>\d+) (?: , (?P<high>\d*) )? \} ) \?? (?! [*+?{] ) )
    | (?P<plain> [^\\\[\]({}*+?] )
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_SET = re.compile(r"--|&&|\|\||~~")
_IN_PYTHON = {"$": r"\Z"}
_IN_POSTGRES = {r"\b": r"\y", r"\B": r"\Y"}


class Pattern(NamedTuple):
    """A checked pattern, spelled for each of the two."""

    python: re.Pattern[str]
    postgres: str


@functools.lru_cache(maxsize=64)
def parse_pattern(text: str) -> Pattern:
    """Check a pattern.

    Raises:
        ValueError: Says what is wrong with it, and where.
    """
    ignore_case = text.startswith(_IGNORE_CASE)
    start = len(_IGNORE_CASE) if ignore_case else 0
    tokens = []
    place = start
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or (match["set"] and _IN_SET.search(match["set"])):
            raise ValueError(
                f"{text[place : place + 3]!r} at position {place + 1} is not among what both "
                "databases understand"
            )
        if any(int(match[end] or 0) > _MOST_REPEATS for end in ("low", "high")):
            raise ValueError(f"at position {place + 1} something is repeated over 255 times")
        tokens.append(match[0])
        place = match.end()
    flags = re.ASCII | re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    try:
        python = re.compile("".join(_IN_PYTHON.get(token, token) for token in tokens), flags)
    except re.error as error:
        raise ValueError(str(error)) from None
    postgres = "".join(_IN_POSTGRES.get(token, token) for token in tokens)
    return Pattern(python, (_IGNORE_CASE if ignore_case else "") + postgres)
