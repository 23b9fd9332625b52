"""Whether a file is of a format of molecules: what each must have, not all that it may have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from artifacts.media._one_file import open_content
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from artifacts.media._one_file import Content

BINARY = frozenset({"mmtf"})

_ATOM = ("ATOM", "HETATM")


def check(content: Content, format_: str) -> None:
    """Refuse a file that is not of a format.

    Raises:
        InvalidInputError: It is not.
    """
    reason: str | None
    try:
        if format_ in BINARY:
            with open_content(content) as file:
                reason = _lacks_mmtf(file.read())
        else:
            reason = _CHECKS[format_](_lines(content))
    except UnicodeDecodeError:
        reason = "it is not text"
    if reason is not None:
        raise InvalidInputError(f"data_or_path is no {format_} file: {reason}")


def _lines(content: Content) -> Iterator[str]:
    with open_content(content) as file:
        for line in file:
            yield line.decode("utf-8").rstrip("\r\n")


def _lacks_atoms(lines: Iterable[str]) -> str | None:
    """Look for a record of an atom: PDB has numbers in fixed columns, PQR between spaces."""
    for line in lines:
        if line.startswith(_ATOM) and len(re.findall(r"-?\d+\.\d+", line)) >= 3:
            return None
    return "it has no record ATOM or HETATM with coordinates"


def _lacks_block(lines: Iterable[str]) -> str | None:
    for line in lines:
        if line.strip() and not line.startswith("#"):
            return None if line.lower().startswith("data_") else "it does not begin with data_"
    return "it is empty"


def _lacks_table(lines: Iterable[str]) -> str | None:
    """Look for the end of a connection table, which every record has."""
    if any(line.startswith("M  END") for line in lines):
        return None
    return "it has no line 'M  END'"


def _lacks_count(lines: Iterable[str]) -> str | None:
    read = list(lines)
    if len(read) < 2 or not read[1].strip().isdigit():
        return "its second line is not the number of atoms"
    count = int(read[1])
    return None if len(read) >= count + 3 else f"it has fewer lines than its {count} atoms"


def _lacks_molecule(lines: Iterable[str]) -> str | None:
    if any(line.startswith("@<TRIPOS>MOLECULE") for line in lines):
        return None
    return "it has no @<TRIPOS>MOLECULE"


def _lacks_mmtf(data: bytes) -> str | None:
    try:
        found: Any = msgspec.msgpack.decode(data)
    except msgspec.DecodeError:
        return "it is not MessagePack"
    if isinstance(found, dict) and "mmtfVersion" in found:
        return None
    return "it has no mmtfVersion"


# What a text file lacks to be of a format, None if nothing.
_CHECKS: dict[str, Callable[[Iterable[str]], str | None]] = {
    "pdb": _lacks_atoms,
    "pqr": _lacks_atoms,
    "mmcif": _lacks_block,
    "mcif": _lacks_block,
    "cif": _lacks_block,
    "sdf": _lacks_table,
    "sd": _lacks_table,
    "gro": _lacks_count,
    "mol2": _lacks_molecule,
}

FORMATS = (*_CHECKS, *sorted(BINARY))
