"""The exceptions of this package, also by the names that W&B has for them.

``Error`` is the base of all. ``CommError`` and ``UsageError`` are what most handlers tell apart:
whether the store said no, or the call was wrong.
"""

from __future__ import annotations

from artifacts.store.errors import (
    AlreadyExistsError,
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    ArtifactsError,
    BlobNotFoundError,
    CommError,
    ConfigError,
    ConflictError,
    EntryNotFoundError,
    FormatError,
    IntegrityError,
    InvalidInputError,
    InvalidTypeError,
    NotFoundError,
    ObjectNotFoundError,
    PermissionDeniedError,
    RefNotFoundError,
    RunFinishedError,
    RunNotFoundError,
    StateError,
    StorageError,
    StoreNotFoundError,
    UnsupportedError,
    UsageError,
)

Error = ArtifactsError
AuthenticationError = PermissionDeniedError

__all__ = [
    "AlreadyExistsError",
    "ArtifactFinalizedError",
    "ArtifactNotLoggedError",
    "ArtifactsError",
    "AuthenticationError",
    "BlobNotFoundError",
    "CommError",
    "ConfigError",
    "ConflictError",
    "EntryNotFoundError",
    "Error",
    "FormatError",
    "IntegrityError",
    "InvalidInputError",
    "InvalidTypeError",
    "NotFoundError",
    "ObjectNotFoundError",
    "PermissionDeniedError",
    "RefNotFoundError",
    "RunFinishedError",
    "RunNotFoundError",
    "StateError",
    "StorageError",
    "StoreNotFoundError",
    "UnsupportedError",
    "UsageError",
]
