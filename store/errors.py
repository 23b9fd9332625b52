"""The exceptions of the whole product, grouped by what a handler would do.

::

    ArtifactsError                              kind, hint, exit_code
    ├── CommError                               the store has said no, or nothing
    │   ├── NotFoundError (LookupError) 11      it is not there; look for another name
    │   │   ├── StoreNotFoundError 10
    │   │   ├── RefNotFoundError (ValueError)
    │   │   ├── RunNotFoundError
    │   │   ├── BlobNotFoundError
    │   │   ├── ObjectNotFoundError
    │   │   └── EntryNotFoundError (KeyError, FileNotFoundError)
    │   ├── AlreadyExistsError 12               it is there already; choose another name
    │   ├── ConflictError 12                    somebody was faster; retrying may help
    │   ├── StorageError 14                     the backend failed; .retryable
    │   └── PermissionDeniedError 16
    ├── UsageError                              the call was wrong; correct the program
    │   ├── InvalidInputError (ValueError) 2    correct the argument
    │   │   └── InvalidTypeError (TypeError)
    │   ├── StateError (ValueError) 1           not now: no active run, already logged, …
    │   │   ├── ArtifactNotLoggedError
    │   │   ├── ArtifactFinalizedError
    │   │   └── RunFinishedError
    │   ├── ConfigError 2                       a setting is wrong
    │   └── UnsupportedError 1                  W&B has it, and this package has not
    ├── IntegrityError (ValueError) 13          bytes are not what their digest says
    └── FormatError 15                          made by a newer version, or not a store at all

Several classes also derive from the built-in exception that users of similar libraries
catch for the same situation. The number is the exit code of the command line.
"""

from __future__ import annotations

import errno
from typing import ClassVar


class ArtifactsError(Exception):
    """Base of every error that this package raises on purpose.

    Args:
        message: What happened, in one sentence.
        hint: What to do about it, or None.
        kind: A code that is more precise than the class. Codes are append-only: new ones may
            appear in any release, existing ones are neither renamed nor removed.
    """

    kind: str = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, kind: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self._hint: str | None = None
        self.hint = hint
        if kind is not None:
            self.kind = kind

    @property
    def hint(self) -> str | None:
        """What to do about it, or None. Tracebacks show it below the message."""
        return self._hint

    @hint.setter
    def hint(self, hint: str | None) -> None:
        notes: list[str] = getattr(self, "__notes__", [])
        if self._hint is not None and _note(self._hint) in notes:
            notes.remove(_note(self._hint))
        self._hint = hint
        if hint is not None:
            self.add_note(_note(hint))

    def __str__(self) -> str:
        # KeyError and OSError, from which subclasses derive too, would print something else.
        return self.message


def _note(hint: str) -> str:
    return f"Hint: {hint}"


class CommError(ArtifactsError):
    """The store does not have, take or give what it was asked for; never raised itself."""

    kind = "store"


class UsageError(ArtifactsError):
    """The program has asked for what cannot be; never raised itself."""

    kind = "usage"


class NotFoundError(CommError, LookupError):
    """Something that was asked for by name does not exist."""

    kind = "not_found"
    exit_code = 11


class StoreNotFoundError(NotFoundError):
    """There is no store at the given place."""

    kind = "store_not_found"
    exit_code = 10


class RefNotFoundError(NotFoundError, ValueError):
    """No version, alias, artifact or project matches a reference; near matches are in the hint."""

    kind = "ref_not_found"


class RunNotFoundError(NotFoundError, ValueError):
    """No run has the given id."""

    kind = "run_not_found"


class BlobNotFoundError(NotFoundError):
    """The catalog knows no readable copy of a blob."""

    kind = "blob_not_found"


class ObjectNotFoundError(NotFoundError):
    """The object store holds nothing under a key."""

    kind = "object_not_found"


class EntryNotFoundError(NotFoundError, KeyError, FileNotFoundError):
    """An artifact has no entry of the given path."""

    kind = "entry_not_found"


class AlreadyExistsError(CommError):
    """Something of that name is there already."""

    kind = "already_exists"
    exit_code = 12


class ConflictError(CommError):
    """Somebody else changed the same thing first; retrying may help."""

    kind = "conflict"
    exit_code = 12


class InvalidInputError(UsageError, ValueError):
    """An argument, a name, a reference or a path is not acceptable."""

    kind = "invalid_input"
    exit_code = 2


class InvalidTypeError(InvalidInputError, TypeError):
    """An argument has the wrong type."""

    kind = "invalid_type"


class StateError(UsageError, ValueError):
    """The call does not fit the state that the object is in."""

    kind = "state"
    exit_code = 1


class ArtifactNotLoggedError(StateError):
    """The call needs a stored version, and the artifact is still a draft."""

    kind = "artifact_not_logged"


class ArtifactFinalizedError(StateError):
    """The call would change the contents of an artifact that was already logged."""

    kind = "artifact_finalized"


class RunFinishedError(StateError):
    """The call needs a running run."""

    kind = "run_finished"


class IntegrityError(ArtifactsError, ValueError):
    """Bytes do not match their digest, or a file changed while it was read."""

    kind = "integrity"
    exit_code = 13


class StorageError(CommError):
    """The file system, the object service or the database failed.

    ``retryable`` tells whether the same call may succeed later.
    """

    kind = "storage"
    exit_code = 14

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        kind: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, kind=kind)
        self.retryable = retryable


class FormatError(ArtifactsError):
    """Stored data is of a format that this version cannot read."""

    kind = "format"
    exit_code = 15


class ConfigError(UsageError):
    """A setting has an unusable value."""

    kind = "config"
    exit_code = 2


class UnsupportedError(UsageError):
    """What was asked for is part of W&B, and not of this package; the hint says what to do."""

    kind = "not_supported"


class PermissionDeniedError(CommError):
    """The operating system or the service refused access."""

    kind = "permission_denied"
    exit_code = 16


_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def from_os_error(error: OSError, doing: str) -> ArtifactsError:
    """Return the exception of this tree that says what ``error`` means.

    Args:
        doing: What was tried, as it continues "could not …".
    """
    reason = error.strerror or str(error)
    if error.errno in _DISK_FULL:
        return StorageError(
            f"could not {doing}: {reason}",
            hint="free some space and try again; nothing was committed",
            kind="disk_full",
        )
    if error.errno in _DENIED:
        return PermissionDeniedError(f"could not {doing}: {reason}")
    return StorageError(f"could not {doing}: {reason}", retryable=error.errno == errno.EIO)


def is_lost(error: BaseException) -> bool:
    """Whether a store could not be reached, so that the same call may succeed later."""
    return isinstance(error, StorageError) and error.retryable


def _publish(class_: type[ArtifactsError]) -> None:
    # They are public as artifacts.NotFoundError and so on, and tracebacks shall say so.
    class_.__module__ = "artifacts"
    for subclass in class_.__subclasses__():
        _publish(subclass)


_publish(ArtifactsError)
