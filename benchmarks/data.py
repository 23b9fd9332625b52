"""The inputs: made from a seed, so that every run of every tool sees the same bytes.

The second version is made by changing the first one in place, as a user would: a tool that keeps a
stat cache must be able to recognise the files that did not change.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blake3 import blake3

KIB = 1024
MIB = 1024 * KIB
Kind = Literal["small", "large", "mixed", "s3-small", "s3-large"]
KINDS: tuple[Kind, ...] = ("small", "large", "mixed")
S3_KINDS: tuple[Kind, ...] = ("s3-small", "s3-large")
"""The same inputs as the sets of those names, with a store behind a network."""

_PIECE = 4 * MIB  # what is held in memory at a time; the parent must stay small, see measure.py
_FILES_PER_FOLDER = 50
_FOLDERS_PER_FOLDER = 20


@dataclass(frozen=True)
class Dataset:
    """One set of inputs. Reduced sizes are for trying the harness, not for judging anything."""

    kind: Kind
    files: int = 0
    large_files: int = 0
    large_bytes: int = 0

    @property
    def full_size(self) -> bool:
        return self == dataset(self.kind)

    @property
    def over_s3(self) -> bool:
        """Whether the store is a bucket."""
        return self.kind in S3_KINDS

    @property
    def title(self) -> str:
        large = (
            f"{self.large_files} file{'s' * (self.large_files > 1)} of {_size(self.large_bytes)}"
        )
        small = f"{self.files:,} files of about 10 KiB"
        if self.large_files and self.files:
            return f"{large} and {small}"
        return large if self.large_files else f"{small} in nested folders"

    @property
    def change(self) -> str:
        """What the second version is."""
        if not self.files:
            return "1 MiB inserted at 30 %, sixteen 4 KiB overwrites"
        n = _share(self.files)
        small = f"{n} files changed, {n // 4} added, {n // 4} removed"
        return f"{small}; sixteen 4 KiB overwrites in one large file" if self.large_files else small

    def write(self, root: Path) -> None:
        """Write the first version into the empty or absent folder `root`."""
        root.mkdir(parents=True, exist_ok=True)
        for folder in sorted({path.parent for path, _ in self._small()}):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for path, size in self._small():
            _write_small(root / path, f"{path} v1", size)
        for path in self._large():
            with open(root / path, "wb", buffering=0) as file:
                for start in range(0, self.large_bytes, _PIECE):
                    length = min(_PIECE, self.large_bytes - start)
                    file.write(_bytes(f"{path} {start}", length))

    def change_to_second_version(self, root: Path) -> None:
        """Turn the first version in `root` into the second one."""
        if self.files:
            self._change_small(root)
        for path in self._large()[:1]:
            if not self.files:
                _insert(root / path, at=self.large_bytes * 3 // 10, data=_bytes("inserted", MIB))
            _overwrite(root / path, times=16, length=4 * KIB)

    def _change_small(self, root: Path) -> None:
        chosen = random.Random("second version")
        changed = _share(self.files)
        paths = list(self._small())
        chosen.shuffle(paths)
        for path, size in paths[:changed]:
            _write_small(root / path, f"{path} v2", size)
        for path, size in paths[changed : changed + changed // 4]:
            _write_small((root / path).with_suffix(".new"), f"{path} new", size)
        for path, _ in paths[changed + changed // 4 : changed + 2 * (changed // 4)]:
            (root / path).unlink()

    def _small(self) -> Iterator[tuple[Path, int]]:
        sizes = random.Random("sizes")
        for number in range(self.files):
            folder = number // _FILES_PER_FOLDER
            outer, inner = divmod(folder, _FOLDERS_PER_FOLDER)
            path = Path(f"part-{outer:03}", f"group-{inner:02}", f"sample-{number:06}.bin")
            yield path, sizes.randint(9 * KIB, 11 * KIB)

    def _large(self) -> list[Path]:
        return [Path(f"weights-{number}.bin") for number in range(self.large_files)]


def dataset(kind: Kind, *, files: int | None = None, large_mib: int | None = None) -> Dataset:
    """The set of that kind, at its full size unless told otherwise."""
    if kind in ("small", "s3-small"):
        return Dataset(kind, files=files or 20_000)
    if kind in ("large", "s3-large"):
        return Dataset(kind, large_files=1, large_bytes=(large_mib or 2048) * MIB)
    # The reduced number of files is meant for the small set; here there are few anyway.
    return Dataset(
        kind,
        files=min(files or 200, 200),
        large_files=6,
        large_bytes=min(large_mib or 300, 300) * MIB,
    )


def read_once(root: Path) -> None:
    """Bring the inputs into the page cache, so that every tool starts from memory."""
    buffer = bytearray(MIB)
    for folder, _, names in os.walk(root):
        for name in names:
            with open(os.path.join(folder, name), "rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass


def differences(expected: Path, found: Path, *, limit: int = 3) -> list[str]:
    """Paths that are missing, unexpected or different in `found`; at most `limit` of them."""
    left, right = _listing(expected), _listing(found)
    wrong: list[str] = [f"only on one side: {path}" for path in sorted(left ^ right)[:limit]]
    for path in sorted(left & right):
        if len(wrong) >= limit:
            break
        if not _same(expected / path, found / path):
            wrong.append(f"different content: {path}")
    return wrong


def _listing(root: Path) -> set[str]:
    return {
        os.path.relpath(os.path.join(folder, name), root)
        for folder, _, names in os.walk(root)
        for name in names
    }


def _same(left: Path, right: Path) -> bool:
    with open(left, "rb", buffering=0) as one, open(right, "rb", buffering=0) as two:
        while True:
            a, b = one.read(MIB), two.read(MIB)
            if a != b:
                return False
            if not a:
                return True


def _bytes(seed: str, length: int) -> bytes:
    # BLAKE3's output can be as long as one likes: incompressible, repeatable, 2 GB/s.
    return blake3(seed.encode()).digest(length=length)


def _write_small(path: Path, seed: str, size: int) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(_bytes(seed, size))


def _share(files: int) -> int:
    return max(4, files // 100)


def _overwrite(path: Path, *, times: int, length: int) -> None:
    size = path.stat().st_size
    chosen = random.Random("overwrites")
    with open(path, "r+b", buffering=0) as file:
        for number in range(times):
            file.seek(chosen.randrange(size - length))
            file.write(_bytes(f"overwrite {number}", length))


def _insert(path: Path, *, at: int, data: bytes) -> None:
    # In place, moving the tail from its end backwards: a program that edits its file keeps the
    # inode.
    size = path.stat().st_size
    with open(path, "r+b", buffering=0) as file:
        end = size
        while end > at:
            start = max(at, end - _PIECE)
            file.seek(start)
            piece = file.read(end - start)
            file.seek(start + len(data))
            file.write(piece)
            end = start
        file.seek(at)
        file.write(data)


def _size(length: int) -> str:
    return f"{length // (KIB * MIB)} GiB" if length % (KIB * MIB) == 0 else f"{length // MIB} MiB"
