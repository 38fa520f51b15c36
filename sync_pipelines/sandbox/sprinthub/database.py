"""The project `oficialmed` as its application left it (contract of SprintHub, sections 5 and 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

_FOLDER = Path(__file__).parent


def build_oficialmed(
    connection: psycopg.Connection[Any],
    segments: Mapping[int, Sequence[int]] | None = None,
    *,
    paused: Sequence[int] = (),
) -> None:
    """Create the application's tables in an empty database, and what it left of these segments' leads.

    `segments` has the leads that are there already by segment; each segment gets its row of control, which was never
    run by us and is due. Without segments the tables are empty. The roles anon, authenticated and service_role must be
    there.
    """
    connection.execute((_FOLDER / "oficialmed.sql").read_bytes())
    if not segments:
        return
    listed = {lead: segment for segment, leads in segments.items() for lead in leads}
    given = {"leads": list(listed), "of_segments": list(listed.values()), "segments": list(segments)}
    # Bound here and not by the server, which takes one statement at a time with parameters.
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute((_FOLDER / "history.sql").read_bytes(), given)
    for segment in segments:
        add_control(connection, segment, status="paused" if segment in paused else "active")


def add_control(
    connection: psycopg.Connection[Any],
    segment_id: int,
    *,
    status: str = "active",
    last_execution: object = None,
    next_execution: object = None,
) -> None:
    """Add a row of the control table, as a person does; without a next execution it is due."""
    connection.execute(
        "insert into public.sync_segments_control (segment_id, status, last_execution, next_execution)"
        " values (%s, %s, %s, %s)",
        [segment_id, status, last_execution, next_execution],
    )
