"""The catalog: which versions, aliases, runs and blobs there are. All SQL is in here."""

from artifacts.store.catalog.blobs import Claim
from artifacts.store.catalog.catalog import Catalog

__all__ = ["Catalog", "Claim"]
