"""The source's rows of a day, as text: a value that Python does not know must not end the read."""

from __future__ import annotations

from datetime import date, timedelta

from sync_pipelines.lib import postgres

Row = tuple[str, str | None]


def read_day(connection: postgres.Connection, day: date) -> list[Row]:
    """Id and celsius of every reading in `[day, day + 1)`, UTC."""
    return connection.execute(
        "select id::text, celsius from public.raw_readings"
        " where measured_at >= %(day)s::timestamp at time zone 'UTC'"
        " and measured_at < %(next)s::timestamp at time zone 'UTC' order by id",
        {"day": day, "next": day + timedelta(days=1)},
    ).fetchall()
