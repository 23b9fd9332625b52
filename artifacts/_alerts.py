"""Alerts that are stored with a run, as users see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifacts.store.records import to_datetime

if TYPE_CHECKING:
    from datetime import datetime

    from artifacts._session import Place
    from artifacts.store.records import AlertLevel, AlertRecord, RunRecord


@dataclass(frozen=True, slots=True)
class Alert:
    """A message that a run has sent.

    Attributes:
        created_at: When, in UTC, by the clock of the machine that sent it.
        suppressed: How many of its title were not sent because they followed too soon.
    """

    title: str
    text: str
    level: AlertLevel
    created_at: datetime
    suppressed: int = 0


def to_alert(record: AlertRecord) -> Alert:
    """Return a record as users see it."""
    at = to_datetime(record.at)
    return Alert(record.title, record.text, record.level, at, record.suppressed)


def stored_alerts(place: Place, run: RunRecord) -> list[AlertRecord]:
    """Return what the catalog has of a run, oldest first."""
    return place.store.catalog.list_alerts([run.key]).get(run.key, [])
