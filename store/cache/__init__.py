"""The local cache in front of remote stores. It can be lost at any time, and costs only time."""

from artifacts.store.cache.cache import BlobCache, CacheInfo
from artifacts.store.cache.partial import PartialFile
from artifacts.store.cache.upkeep import VerifyReport

__all__ = ["BlobCache", "CacheInfo", "PartialFile", "VerifyReport"]
