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
    """A row that waits, with the last exchange of its lead and the version that was last applied, if there were any.

    `applied_version` is as the payload said it, `applied_at` when that payload came.
    """

    id: int
    lead_id: int
    source: str
    payload: str
    received_at: datetime
    exchanged_hash: Any  # uuid
    exchange_direction: str | None
    applied_version: str | None
    applied_at: datetime | None


class Decision(NamedTuple):
    """What became of a row, and why where it was not applied. The reason quotes no value of a lead."""

    id: int
    status: Status
    reason: str | None


#: What was applied last is looked up once a lead: in a storm a lead has thousands of rows.
_TAKE = """
with oldest as (
    -- The text itself is made only of what is chosen: two thousand long ones would be gigabytes.
    select id, octet_length(payload::text) as bytes
    from ops.inbox where status = 'waiting' order by id limit %(most)s
), measured as (
    select id, bytes, sum(bytes) over (order by id) as so_far from oldest
), chosen as (
    select i.id, i.lead_id, i.source, i.payload::text as payload, i.received_at
    from measured as m join ops.inbox as i on i.id = m.id
    where m.so_far <= %(most_bytes)s or m.so_far = m.bytes
), done as (
    select wanted.lead_id, applied.version, applied.received_at
    from (select distinct lead_id from chosen) as wanted
    cross join lateral (
        select i.received_at, coalesce(i.payload -> 'lead', i.payload -> 'ficha') ->> 'updated_at' as version
        from ops.inbox as i
        where i.lead_id = wanted.lead_id and i.status = 'applied'
        order by i.id desc limit 1
    ) as applied
)
select c.id, c.lead_id, c.source, c.payload, c.received_at, e.content_hash, e.direction, d.version, d.received_at
from chosen as c
left join ops.lead_exchanges as e on e.destination = %(destination)s and e.lead_id = c.lead_id
left join done as d on d.lead_id = c.lead_id
order by c.id
"""


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
            postgres.copy_rows(self.connection, "ops.inbox", ("source", "lead_id", "payload"), rows=changes)

    def waiting(self) -> int:
        """How many rows wait."""
        row = self.connection.execute("select count(*) from ops.inbox where status = 'waiting'").fetchone()
        return int(row[0]) if row else 0

    def take(self, destination: str, *, most: int, most_bytes: int) -> list[Waiting]:
        """The rows that have waited longest, at most so many and so long together, at least one if any waits.

        They are not marked: whoever decides holds the lock of the drain.
        """
        rows = self.connection.execute(
            _TAKE,
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

    def replay(self, ids: Sequence[int] | None) -> int:
        """Let rejected rows wait again, once their cause is mended, None being all; returns how many there were."""
        done = self.connection.execute(
            "update ops.inbox set status = 'waiting', reason = null, decided_at = null, run_id = null"
            " where status = 'rejected' and (%(ids)s::bigint[] is null or id = any(%(ids)s))",
            {"ids": None if ids is None else list(ids)},
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
