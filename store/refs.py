"""References: text that addresses a version.

::

    [[entity/]project/]name[:selector]        selector = vN, an alias, or a digest prefix
    [[entity/]project/]name@digest
    blake3:<hex>  or bare hex                 a version by its digest alone

A name without a selector means ``:latest``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from artifacts.store.digests import DIGEST_SIZE, parse_digest_prefix
from artifacts.store.errors import InvalidInputError

LATEST = "latest"
MAX_NAME = 128

_NAME = re.compile(r"[a-zA-Z0-9_\-.]+")
_VERSION = re.compile(r"v(0|[1-9][0-9]*)")
_ALIAS_REFUSED = re.compile(r"[/:@\x00-\x1f\x7f]")
_PROJECT_REFUSED = re.compile(r"[/\\#?%:@\x00-\x1f\x7f]")


class Ref(NamedTuple):
    """A parsed reference. Parts that were left out are None.

    Attributes:
        entity: Owner.
        project: Namespace.
        name: Artifact; None for a bare digest.
        selector: What follows ``:``, such as ``v3`` or ``prod``; None means ``latest``.
        digest: Lower-case hex of a digest or of its prefix, from ``@digest`` or a bare digest.
    """

    entity: str | None
    project: str | None
    name: str | None
    selector: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Parse one of the forms in the module's description.

        Raises:
            InvalidInputError: The text has none of these forms.
        """
        if text.startswith("blake3:") or _is_bare_digest(text):
            digits = parse_digest_prefix(text)
            if digits is None:
                raise _invalid(text, "a digest is 8 to 64 hexadecimal characters")
            return cls(None, None, None, None, digits)
        path, at, digest_text = text.partition("@")
        digits = None
        if at:
            digits = parse_digest_prefix(digest_text)
            if digits is None:
                raise _invalid(text, "after '@' comes a digest of 8 to 64 hexadecimal characters")
        path, colon, selector = path.partition(":")
        if colon and (at or not selector):
            raise _invalid(text, "after ':' comes a version, an alias or a digest")
        parts = path.split("/")
        if len(parts) > 3:  # noqa: PLR2004 - entity, project, name
            raise _invalid(text, "expected [[entity/]project/]name[:alias]")
        name = check_name(parts[-1])
        project = check_project(parts[-2]) if len(parts) > 1 else None
        entity = check_project(parts[0], what="entity") if len(parts) > 2 else None  # noqa: PLR2004
        if colon:
            if selector.startswith("blake3:"):
                digits, colon = parse_digest_prefix(selector), ""
                if digits is None:
                    raise _invalid(text, "a digest is 8 to 64 hexadecimal characters")
            elif _ALIAS_REFUSED.search(selector):
                raise _invalid(text, "an alias holds neither '/' nor ':' nor '@'")
        return cls(entity, project, name, selector if colon else None, digits)

    @classmethod
    def parse_target(cls, text: str) -> Ref:
        """Parse ``[[entity/]project/]name[:alias]``: what something is to be logged as.

        Raises:
            InvalidInputError: It is malformed, or names a version or a digest.
        """
        ref = cls.parse(text)
        if ref.name is None or ref.digest is not None:
            raise InvalidInputError(
                f"cannot log under {text!r}: the digest follows from the contents",
                hint="use [project/]name or name:alias",
                kind="bad_name",
            )
        if ref.number is not None:
            raise InvalidInputError(
                f"cannot log as {text!r}: version numbers are given by the store",
                hint="leave the version out",
                kind="bad_name",
            )
        return ref

    @property
    def number(self) -> int | None:
        """N when the selector is ``vN``, else None."""
        return parse_version(self.selector) if self.selector else None

    def __str__(self) -> str:
        prefix = "".join(f"{part}/" for part in (self.entity, self.project) if part)
        if self.name is None:
            return f"blake3:{self.digest}"
        if self.digest is not None:
            return f"{prefix}{self.name}@{self.digest}"
        return f"{prefix}{self.name}:{self.selector or LATEST}"


def parse_version(text: str) -> int | None:
    """Return N for ``vN``, else None."""
    match = _VERSION.fullmatch(text)
    return int(match.group(1)) if match else None


def check_name(name: str) -> str:
    """Return ``name`` if it may name an artifact.

    Raises:
        InvalidInputError: It may not.
    """
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME or name in {".", ".."}:
        raise InvalidInputError(
            f"invalid artifact name {name!r}: artifact names may only contain alphanumeric "
            f"characters, dashes, underscores, and dots, and at most {MAX_NAME} of them",
            kind="bad_name",
        )
    return name


def check_alias(alias: str) -> str:
    """Return ``alias`` if a user may set it.

    Raises:
        InvalidInputError: It is empty, holds ``/``, ``:`` or ``@``, or is reserved like ``v3``.
    """
    if not isinstance(alias, str) or not alias or len(alias) > MAX_NAME or alias != alias.strip():
        raise InvalidInputError(f"invalid alias {alias!r}", kind="bad_alias")
    if _ALIAS_REFUSED.search(alias):
        raise InvalidInputError(
            f"invalid alias {alias!r}: an alias holds neither '/' nor ':' nor '@'",
            kind="bad_alias",
        )
    if _VERSION.fullmatch(alias):
        raise InvalidInputError(
            f"alias {alias!r} is reserved for the version of that number", kind="bad_alias"
        )
    return alias


def check_tag(tag: str) -> str:
    """Return ``tag`` if it may label a version: words of letters, digits, ``_`` and ``-``.

    Raises:
        InvalidInputError: It may not.
    """
    if not isinstance(tag, str) or not re.fullmatch(r"[-\w]+( +[-\w]+)*", tag):
        raise InvalidInputError(
            f"invalid tag {tag!r}: a tag is made of letters, digits, dashes, underscores and "
            "single spaces between words",
            kind="bad_tag",
        )
    return tag


def check_project(name: str, *, what: str = "project") -> str:
    """Return ``name`` if it may name a project or an entity.

    Raises:
        InvalidInputError: It may not.
    """
    refused = not name or len(name) > MAX_NAME or name != name.strip() or name in {".", ".."}
    if refused or _PROJECT_REFUSED.search(name):
        raise InvalidInputError(
            f"invalid {what} name {name!r}: at most {MAX_NAME} characters, none of / \\ # ? % : @",
            kind="bad_name",
        )
    return name


def check_run_id(run_id: str) -> str:
    """Return ``run_id`` if it may identify a run.

    Raises:
        InvalidInputError: It is empty, too long, starts or ends with a space, or holds one of
            ``: ; , # ? / '`` or a control character.
    """
    refused = not run_id or len(run_id) > MAX_NAME or run_id != run_id.strip()
    if refused or re.search(r"[:;,#?/'\\\x00-\x1f\x7f]", run_id):
        raise InvalidInputError(
            f"invalid run id {run_id!r}: it must not be empty and holds none of : ; , # ? / '",
            kind="bad_run_id",
        )
    return run_id


def _is_bare_digest(text: str) -> bool:
    # A full digest only: shorter hex may well be a name.
    return len(text) == 2 * DIGEST_SIZE and parse_digest_prefix(text) is not None


def _invalid(text: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"invalid artifact reference {text!r}: {why}",
        hint="examples: corpus, corpus:v3, demo/corpus:prod, corpus@5f1c0a9e",
        kind="bad_ref",
    )
