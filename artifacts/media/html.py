"""Pages and fragments of HTML."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path
from typing import Any, ClassVar

from artifacts._parts import in_parts
from artifacts.media._one_file import OneFile, existing_file, read_all
from artifacts.store.errors import InvalidInputError

_SUFFIXES = (".html", ".htm")
_HEAD = (
    '<base target="_blank"><style data-artifacts>'
    "body{margin:0;font-family:sans-serif;line-height:1.4}img{max-width:100%}</style>"
)
_MARK = "<style data-artifacts>"
_BEFORE_HEAD = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)
_BEFORE_ALL = re.compile(r"\s*(<!doctype[^>]*>)?\s*(<html(\s[^>]*)?>)?", re.IGNORECASE)


@in_parts
class Html(OneFile):
    """A page or a fragment of HTML.

    Args:
        data: The text; the path of a file that ends with ``.html``; or an open file.
        inject: Whether a base style is put into its head, and links open in a new tab. Nothing is
            put in twice.
        data_is_not_path: Whether a text is one even if there is a file of that name.

    Raises:
        InvalidTypeError: ``data`` is none of those.
        InvalidInputError: The file does not exist, or is no text in UTF-8.
    """

    type_name: ClassVar[str] = "html-file"
    folder: ClassVar[str] = "html"

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        content: bytes | Path
        if isinstance(data, os.PathLike) or (not data_is_not_path and _is_file(data)):
            path = existing_file(data, "data")
            content = path.read_bytes() if inject else path
        elif isinstance(data, str):
            content = data.encode("utf-8", "replace")
        else:
            content = read_all(data, "data")
        if isinstance(content, bytes) and inject:
            content = _with_head(_decoded(content)).encode()
        self._hold(content, "html", None)

    @property
    def html(self) -> str:
        """The text."""
        with self.open() as file:
            return _decoded(file.read())

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts allow-popups" '
            'width="100%" height="400" style="border:0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<Html {self.get('path', '')}>"


def _is_file(data: Any) -> bool:
    return isinstance(data, str) and data.lower().endswith(_SUFFIXES) and os.path.isfile(data)


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"data is no text in UTF-8: {error}") from error


def _with_head(text: str) -> str:
    """Return HTML with the style in its head, which is made if there is none."""
    if _MARK in text:
        return text
    if head := _BEFORE_HEAD.search(text):
        return f"{text[: head.end()]}{_HEAD}{text[head.end() :]}"
    first = _BEFORE_ALL.match(text)
    assert first is not None
    place = first.end()
    added = f"<head>{_HEAD}</head>" if first[2] else _HEAD
    return f"{text[:place]}{added}{text[place:]}"
