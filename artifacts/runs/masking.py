"""Command lines and URLs without the secrets that people put into them."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"

_SECRET_WORDS = frozenset({
    *("auth", "authorization", "bearer", "credential", "credentials", "pass", "pwd"),
    *("secrets", "sig", "signature"),
})  # fmt: skip
_SECRET_ENDINGS = ("apikey", "accesskey", "passphrase", "passwd", "password", "secret", "token")
_KEYS_TO = frozenset({"access", "account", "api", "encryption", "private", "secret", "ssh"})

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")
_USER = re.compile(r"\b([a-z][a-z0-9+.-]*)://([^/?#\s'\"]*)@", re.IGNORECASE)
_NAME = re.compile(r"""(?P<name>[\w.-]+)['"]?\s*(?:=|:(?!//))\s*""")
_VALUE = re.compile(r"""(?P<quote>['"])?(?(quote)(?:(?!(?P=quote)).)*|[^,;&'"}=]*(?<!\s))""")
_TOKEN = re.compile(
    r"\b(?:gh[a-z]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|hf_\w{16,}|xox[a-z]-[\w-]{10,}"
    r"|sk-[\w-]{16,}|AKIA[A-Z0-9]{12,}|AIza[\w-]{20,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)"
)


def is_secret_name(name: str) -> bool:
    """Whether what has this name is better not shown: ``--db-password``, ``apiKey``, ``TOKEN``."""
    words = [word.lower() for word in _WORD.findall(name)]
    if any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS) for word in words):
        return True
    pairs = itertools.pairwise(words)
    return any(second in {"key", "keys"} and first in _KEYS_TO for first, second in pairs)


def mask_url(url: str) -> str:
    """Return a URL without what it says of who uses it."""
    return _USER.sub(_without_user, url)


def mask_arguments(arguments: Iterable[str]) -> list[str]:
    """Return a command line in which values that look like secrets are ``***``.

    A value is masked if its name says so (``--token X``, ``password=X``, ``Authorization: X``), if
    it is the user part of a URL, or if it looks like the token of a well-known service.
    """
    masked = []
    next_is_secret = False
    for argument in arguments:
        if next_is_secret and not argument.startswith("--"):
            masked.append(MASK)
            next_is_secret = False
            continue
        masked.append(_mask(argument))
        next_is_secret = (
            argument.startswith("-") and "=" not in argument and is_secret_name(argument)
        )
    return masked


def _mask(argument: str) -> str:
    name, equals, _ = argument.partition("=")
    if equals and re.fullmatch(r"[\w.-]+", name) and is_secret_name(name):
        return f"{name}={MASK}"
    return _TOKEN.sub(MASK, _mask_pairs(mask_url(argument)))


def _mask_pairs(text: str) -> str:
    """Mask the values of names such as those in JSON, in HTTP headers, and in URLs."""
    parts, start = [], 0
    for found in _NAME.finditer(text):
        if found.start() >= start and is_secret_name(found["name"]):
            value = _VALUE.match(text, found.end())
            if value is not None and value[0]:
                parts += [text[start : found.end()], value["quote"] or "", MASK]
                start = value.end()
    return "".join([*parts, text[start:]])


def _without_user(match: re.Match[str]) -> str:
    scheme, user = match.groups()
    # The user of `ssh://git@host` is an account that all share.
    shown = scheme.lower() in {"ssh", "git+ssh"} and ":" not in user
    return f"{scheme}://{user if shown else MASK}@"
