"""The durable inbox of the way back: what arrived, what became of it, and for how long that is kept.

The payload is the whole body as it came (`{"lead": {…}, "source": "…"}`, older callers say `ficha`). It holds
personal data, so decided rows go after some days; one that waits never goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sync_pipelines.lib import postgres

WHAT = "the ops database"
Status = Literal["applied", "ignored", "rejected"]


class Waiting(NamedTuple):
    """A row that waits, with the last accepted exchange of its lead as far as there was one."""

    id: int
    lead_id: int
    source: str
    payload: str
    received_at: datetime
    exchanged_hash: Any  # uuid
    exchanged_version: datetime | None
    exchange_direction: str | None


class Decision(NamedTuple):
    """What became of a row, and why where it was not applied. The reason quotes no value of a lead."""

    id: int
    status: Status
    reason: str | None


@dataclass(frozen=True)
class Inbox:
    """ops.inbox over one connection."""

    connection: postgres.Connection

    def add(self, source: str, lead_id: int, payload: str) -> None:
        """Store one change, in one statement."""
        self.connection.execute(
            "insert into ops.inbox (source, lead_id, payload) values (%s, %s, %s::jsonb)",
            (source, lead_id, payload),
        )

    def add_many(self, changes: Iterable[tuple[str, int, str]]) -> None:
        """Store many, all or none."""
        with self.connection.transaction():
            postgres.copy_rows(self.connection, "ops.inbox", ("source", "lead_id", "payload"), changes)

    def waiting(self) -> int:
        """How many rows wait."""
        row = self.connection.execute("select count(*) from ops.inbox where status = 'waiting'").fetchone()
        return int(row[0]) if row else 0

    def newest_waiting(self) -> int | None:
        """The number of the row that arrived last of those that wait."""
        row = self.connection.execute("select max(id) from ops.inbox where status = 'waiting'").fetchone()
        return row[0] if row else None

    def take(self, destination: str, *, most: int, most_bytes: int) -> list[Waiting]:
        """The rows that have waited longest, at most so many and so long together, at least one if any waits.

        They are not marked: whoever decides holds the lock of the drain.
        """
        rows = self.connection.execute(
            "with oldest as ("
            "   select id, lead_id, source, payload::text as payload, received_at from ops.inbox"
            "   where status = 'waiting' order by id limit %(most)s"
            "), measured as (select *, sum(octet_length(payload)) over (order by id) as so_far from oldest)"
            " select m.id, m.lead_id, m.source, m.payload, m.received_at, e.content_hash, e.updated_at, e.direction"
            " from measured as m left join ops.lead_exchanges as e"
            "   on e.destination = %(destination)s and e.lead_id = m.lead_id"
            " where so_far <= %(most_bytes)s or so_far = octet_length(m.payload) order by m.id",
            {"destination": destination, "most": most, "most_bytes": most_bytes},
        ).fetchall()
        return [Waiting(*row) for row in rows]

    def decide(self, decisions: Sequence[Decision], run_id: str) -> None:
        """Mark rows, in the caller's transaction."""
        ids, statuses, reasons = ([one[at] for one in decisions] for at in range(3))
        self.connection.execute(
            "update ops.inbox as inbox set status = made.status, reason = made.reason, decided_at = now(),"
            " run_id = %s from unnest(%s::bigint[], %s::text[], %s::text[]) as made (id, status, reason)"
            " where inbox.id = made.id and inbox.status = 'waiting'",
            (run_id, ids, statuses, reasons),
        )

    def replay(self, ids: Sequence[int]) -> int:
        """Let rejected rows wait again, once their cause is mended; returns how many there were."""
        done = self.connection.execute(
            "update ops.inbox set status = 'waiting', reason = null, decided_at = null"
            " where status = 'rejected' and id = any(%s)",
            (list(ids),),
        )
        return done.rowcount

    def rejected_since(self, moment: datetime) -> int:
        """How many rows were rejected since then."""
        row = self.connection.execute(
            "select count(*) from ops.inbox where status = 'rejected' and decided_at >= %s", (moment,)
        ).fetchone()
        return int(row[0]) if row else 0

    def forget(self, days: int) -> int:
        """Drop what was decided more than `days` ago; returns how many. What waits stays."""
        done = self.connection.execute(
            "delete from ops.inbox where status <> 'waiting' and decided_at < now() - make_interval(days => %s)",
            (days,),
        )
        return done.rowcount


@contextmanager
def open_inbox(url: str) -> Iterator[Inbox]:
    """The inbox over a connection of its own; errors are sentences."""
    with postgres.connect(url, what=WHAT) as connection, postgres.errors_about(WHAT):
        yield Inbox(connection)
