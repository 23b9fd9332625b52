"""Object stores. fsspec is used in here and nowhere else."""

from artifacts.store.objects.base import ObjectInfo, ObjectStore, StagedFile
from artifacts.store.objects.guarded import GuardedObjects
from artifacts.store.objects.local import LocalObjects
from artifacts.store.objects.memory import MemoryObjects
from artifacts.store.objects.retrying import RetryingObjects, RetryPolicy
from artifacts.store.objects.urls import open_objects
from artifacts.store.objects.wrapping import WrappedObjects, WrappedStream

__all__ = [
    "GuardedObjects",
    "LocalObjects",
    "MemoryObjects",
    "ObjectInfo",
    "ObjectStore",
    "RetryPolicy",
    "RetryingObjects",
    "StagedFile",
    "WrappedObjects",
    "WrappedStream",
    "open_objects",
]
