"""Object stores. fsspec is used in here and nowhere else."""

from artifacts.store.objects.base import ObjectInfo, ObjectStore, StagedFile
from artifacts.store.objects.local import LocalObjects
from artifacts.store.objects.memory import MemoryObjects

__all__ = ["LocalObjects", "MemoryObjects", "ObjectInfo", "ObjectStore", "StagedFile"]
