"""Files of other tools become entries; the bytes that are stored are those that were verified."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from artifacts.importers.sources import SourceReference
from artifacts.store import copying
from artifacts.store.digests import Digest, hash_bytes
from artifacts.store.errors import IntegrityError, from_os_error
from artifacts.store.manifest import Entry, Manifest, check_path
from artifacts.store.upload import PACK_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifacts.importers.sources import Md5, SourceFile
    from artifacts.store.progress import Progress
    from artifacts.store.upload import Upload


class Contents:
    """Reads files, compares them with the checksums of their source, and adds them to an upload.

    Args:
        upload: None to read and compare only.
        progress: Told of every file.
    """

    def __init__(self, upload: Upload | None, progress: Progress) -> None:
        self._upload = upload
        self._progress = progress

    def manifest(self, files: Iterable[SourceFile | SourceReference], of: str) -> Manifest:
        """Bring the files of a version.

        Args:
            of: The version, in messages.

        Raises:
            IntegrityError: A file is not what the source says.
            InvalidInputError: A path cannot be used.
            StorageError: Reading or storing failed.
        """
        return self.add_manifest([self._entry(file, of) for file in files])

    def add_manifest(self, entries: Iterable[Entry]) -> Manifest:
        """Bring the manifest of entries that were brought."""
        manifest = Manifest(entries)
        if self._upload is not None:
            self._upload.add_manifest(manifest)
        return manifest

    def new_path(self) -> Path:
        """Return an unused path, for a file that `add_made` takes."""
        if self._upload is not None:
            return self._upload.new_path()
        descriptor, name = tempfile.mkstemp(prefix="artifacts-import-")
        os.close(descriptor)
        return Path(name)

    def add_made(self, path: Path, name: str) -> Entry:
        """Bring a file that was written at `new_path`; it is gone then.

        Args:
            name: Its path inside the version.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                digest, size = copying.hash_file(descriptor)
            finally:
                os.close(descriptor)
            if self._upload is None:
                path.unlink()
            else:
                self._keep(path, digest, size)
        except OSError as error:
            raise from_os_error(error, f"read {path}") from error
        return Entry(name, digest, size)

    def _entry(self, file: SourceFile | SourceReference, of: str) -> Entry:
        path = check_path(file.path)
        if isinstance(file, SourceReference):
            return Entry(path, file.reference.identity(), file.size, reference=file.reference)
        what = f"{file.path} of {of}"
        if isinstance(file.source, bytes):
            digest, size = self._add_bytes(file.source, file.md5, what)
        else:
            try:
                with file.source.open("rb") as opened:
                    status = os.fstat(opened.fileno())
                    if status.st_size <= PACK_THRESHOLD:
                        digest, size = self._add_bytes(opened.read(), file.md5, what)
                    else:
                        digest, size = self._copy(opened.fileno(), file.md5, what)
            except OSError as error:
                raise from_os_error(error, f"read {file.source}") from error
        self._progress.advance(1, size)
        return Entry(path, digest, size)

    def _add_bytes(self, data: bytes, md5: Md5 | None, what: str) -> tuple[Digest, int]:
        if md5 is not None:
            verifier = _Verifier(md5)
            verifier.update(data)
            verifier.end(what)
        digest = hash_bytes(data)
        if self._upload is not None:
            self._upload.add(data, digest)
        return digest, len(data)

    def _copy(self, descriptor: int, md5: Md5 | None, what: str) -> tuple[Digest, int]:
        verifier = None if md5 is None else _Verifier(md5)

        def source() -> Iterator[memoryview]:
            for piece in copying.pieces_at(descriptor):
                if verifier is not None:
                    verifier.update(piece)
                yield piece

        if self._upload is None:
            digest, size = copying.hash_all(source())
        else:
            path = self._upload.new_path()
            target = copying.create(path)
            try:
                digest, size = copying.copy_and_hash(source(), target, durable=True)
            finally:
                os.close(target)
        if verifier is not None:
            verifier.end(what)
        if self._upload is not None:
            self._keep(path, digest, size)
        return digest, size

    def _keep(self, path: Path, digest: Digest, size: int) -> None:
        assert self._upload is not None
        self._upload.add_staged(path, digest, size)


class _Verifier:
    """Compares bytes, piece by piece, with a checksum."""

    def __init__(self, expected: Md5) -> None:
        self._expected = expected
        # A checksum of another tool, which says nothing about who wrote the bytes.
        self._plain = hashlib.md5(usedforsecurity=False)
        self._text = hashlib.md5(usedforsecurity=False) if expected.of_text else None
        self._carried = b""

    def update(self, data: bytes | memoryview) -> None:
        """Go on with the next piece."""
        self._plain.update(data)
        if self._text is not None:
            piece = self._carried + bytes(data)
            self._carried = b"\r" if piece.endswith(b"\r") else b""
            piece = piece[: len(piece) - len(self._carried)]
            self._text.update(piece.replace(b"\r\n", b"\n"))

    def end(self, what: str) -> None:
        """Say whether it was what was expected.

        Raises:
            IntegrityError: It was not.
        """
        found = {self._plain.hexdigest()}
        if self._text is not None:
            self._text.update(self._carried)
            found.add(self._text.hexdigest())
        if self._expected.digits not in found:
            raise IntegrityError(
                f"{what} is damaged: its MD5 is {self._plain.hexdigest()}, not "
                f"{self._expected.digits}",
                hint="bring the file back from where it is whole, then import again",
                kind="source_damaged",
            )
