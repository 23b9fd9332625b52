"""Statements about the messages that runs send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import alerts, runs
from artifacts.store.records import AlertLevel, AlertRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection


def add(connection: Connection, run: int, alert: AlertRecord, wait: int) -> bool:
    """Enter an alert, or count it as suppressed by an earlier one of its title.

    Entering the same one again changes nothing: title and time tell which one it is.

    Args:
        wait: Microseconds within which an earlier alert of the title suppresses this one.

    Returns:
        Whether it is entered.
    """
    # The lock under which two processes of one run take turns.
    connection.execute(sa.select(runs.c.id).where(runs.c.id == run).with_for_update())
    earlier = connection.execute(
        sa.select(alerts.c.id, alerts.c.at)
        .where(alerts.c.run_id == run, alerts.c.title == alert.title, alerts.c.at <= alert.at)
        .order_by(alerts.c.at.desc())
        .limit(1)
    ).first()
    if earlier is not None and earlier.at == alert.at:
        return True
    if earlier is not None and alert.at - earlier.at < wait:
        _suppress(connection, earlier.id, 1 + alert.suppressed)
        return False
    row = {
        "run_id": run,
        "title": alert.title,
        "text": alert.text,
        "level": alert.level.value,
        "at": alert.at,
        "suppressed": alert.suppressed,
    }
    connection.execute(sa.insert(alerts).values(row))
    return True


def suppress(connection: Connection, run: int, title: str, at: int, count: int) -> None:
    """Count alerts that were not sent, at the last one of their title until some time."""
    newest = connection.scalar(
        sa.select(alerts.c.id)
        .where(alerts.c.run_id == run, alerts.c.title == title, alerts.c.at <= at)
        .order_by(alerts.c.at.desc())
        .limit(1)
    )
    if newest is not None:
        _suppress(connection, newest, count)


def list_alerts(connection: Connection, keys: Iterable[int]) -> dict[int, list[AlertRecord]]:
    """Return the alerts of runs, by the run's key, oldest first."""
    found: dict[int, list[AlertRecord]] = {}
    for batch in chunked(sorted(set(keys))):
        statement = (
            sa.select(alerts)
            .where(alerts.c.run_id.in_(batch))
            .order_by(alerts.c.run_id, alerts.c.at, alerts.c.id)
        )
        for row in connection.execute(statement):
            alert = AlertRecord(row.title, row.text, AlertLevel(row.level), row.at, row.suppressed)
            found.setdefault(row.run_id, []).append(alert)
    return found


def _suppress(connection: Connection, alert: int, count: int) -> None:
    more = sa.update(alerts).where(alerts.c.id == alert)
    connection.execute(more.values(suppressed=alerts.c.suppressed + count))
