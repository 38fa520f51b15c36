"""The durable inbox: what arrived for a topic, what became of it, and how long that is kept.

A topic is what a consumer drains (`scouter/leads`), a key is what a change is about (the number of a lead). The
payload is the whole body as it came. It may hold personal data, so decided rows are deleted after some days; a row
that waits is never deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, LiteralString, NamedTuple

from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.connection import OPS

Status = Literal["applied", "ignored", "rejected"]
#: The first topic's rows of before the keys have a number alone (ops 0007).
KEY: LiteralString = "coalesce(key, lead_id::text)"
_TAKE = f"""
with oldest as (
    -- The text itself is made only of the chosen rows: two thousand long ones would be gigabytes.
    select id, octet_length(payload::text) as bytes
    from ops.inbox where topic = %(topic)s and status = 'waiting' and id > %(after)s order by id limit %(most)s
), measured as (
    select id, bytes, sum(bytes) over (order by id) as so_far from oldest
)
select i.id, {KEY}, i.source, i.payload::text, i.received_at, i.reason
from measured as m join ops.inbox as i on i.id = m.id
where m.so_far <= %(most_bytes)s or m.so_far = m.bytes
order by i.id
"""


class Arrival(NamedTuple):
    """A change that is to be stored."""

    key: str
    source: str
    payload: str


class Waiting(NamedTuple):
    """A row that waits; `reason` is why it was rejected, if it was and waits again."""

    id: int
    key: str
    source: str
    payload: str
    received_at: datetime
    reason: str | None = None


class Decision(NamedTuple):
    """What became of a row, and why it was not applied. The reason quotes no value of the payload.

    With a `key` only a row of that key is meant: in an inbox that was emptied numbers are given again.
    """

    id: int
    status: Status
    reason: str | None
    key: str | None = None


@dataclass(frozen=True)
class Inbox:
    """The rows of one topic in `ops.inbox`, over one connection."""

    connection: postgres.Connection
    topic: str

    def add(self, arrival: Arrival) -> None:
        """Store one change, in one statement."""
        self.connection.execute(
            "insert into ops.inbox (topic, key, source, payload) values (%s, %s, %s, %s::jsonb)",
            (self.topic, *arrival),
        )

    def add_many(self, arrivals: Iterable[Arrival]) -> None:
        """Store many changes, all or none."""
        rows = ((self.topic, *arrival) for arrival in arrivals)
        with self.connection.transaction():
            postgres.copy_rows(self.connection, "ops.inbox", ("topic", "key", "source", "payload"), rows=rows)

    def count_waiting(self) -> int:
        row = self.connection.execute(
            "select count(*) from ops.inbox where topic = %s and status = 'waiting'", (self.topic,)
        ).fetchone()
        return int(row[0]) if row else 0

    def take(self, *, after: int = 0, most: int, most_bytes: int) -> list[Waiting]:
        """The rows that have waited longest: at most so many, of at most so many bytes, but at least one.

        `after` is the last row of an earlier call, some of which may wait still.
        Nothing marks them as taken: whoever decides holds a lock of its own.
        """
        rows = self.connection.execute(
            _TAKE.encode(), {"topic": self.topic, "after": after, "most": most, "most_bytes": most_bytes}
        ).fetchall()
        return [Waiting(*row) for row in rows]

    def waiting_keys(self, keys: Iterable[object]) -> frozenset[str]:
        """Those of the keys under which a change waits."""
        rows = self.connection.execute(
            f"select distinct {KEY} from ops.inbox"
            f" where topic = %s and status = 'waiting'"
            f" and {KEY} = any(array(select jsonb_array_elements_text(%s::jsonb)))",
            # One text, as a list of thousands takes psycopg long (`postgres.array`); a key may hold a comma.
            (self.topic, json.dumps(list(map(str, keys)))),
        ).fetchall()
        return frozenset(key for (key,) in rows)

    def repeated(self, ids: Sequence[int]) -> frozenset[int]:
        """Those of these rows whose payload came before under the same key: nothing new is in them."""
        rows = self.connection.execute(
            "select later.id from ops.inbox as later where later.id = any(%(ids)s::bigint[]) and exists ("
            " select from ops.inbox where topic = %(topic)s"
            " and coalesce(inbox.key, inbox.lead_id::text) = coalesce(later.key, later.lead_id::text)"
            " and inbox.id < later.id and inbox.payload = later.payload)",
            {"topic": self.topic, "ids": list(ids)},
        ).fetchall()
        return frozenset(number for (number,) in rows)

    def decide(self, decisions: Sequence[Decision], run_id: str) -> None:
        """Mark rows, in the caller's transaction."""
        self.connection.execute(
            "update ops.inbox as inbox set status = made.status, reason = made.reason, decided_at = now(),"
            " run_id = %s from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[])"
            " as made (id, status, reason, key)"
            " where inbox.id = made.id and inbox.status = 'waiting'"
            " and (made.key is null or made.key = coalesce(inbox.key, inbox.lead_id::text))",
            (
                run_id,
                [one.id for one in decisions],
                [one.status for one in decisions],
                [one.reason for one in decisions],
                [one.key for one in decisions],
            ),
        )

    def replay(self, ids: Sequence[int] | None) -> int:
        """Let rejected rows wait again, once their cause is mended; None means all. Returns how many there were."""
        return self.connection.execute(
            # The reason stays: whoever decides anew may need to know what was refused.
            "update ops.inbox set status = 'waiting', decided_at = null, run_id = null"
            " where topic = %(topic)s and status = 'rejected' and (%(ids)s::bigint[] is null or id = any(%(ids)s))",
            {"topic": self.topic, "ids": None if ids is None else list(ids)},
        ).rowcount

    def rejected_since(self, moment: datetime) -> int:
        """How many rows were rejected since then."""
        row = self.connection.execute(
            "select count(*) from ops.inbox where topic = %s and status = 'rejected' and decided_at >= %s",
            (self.topic, moment),
        ).fetchone()
        return int(row[0]) if row else 0

    def forget(self, days: int) -> int:
        """Delete what was decided more than `days` ago; returns how many rows. What waits stays."""
        return self.connection.execute(
            "delete from ops.inbox where topic = %s and status <> 'waiting'"
            " and decided_at < now() - make_interval(days => %s)",
            (self.topic, days),
        ).rowcount


@contextmanager
def open_inbox(url: str, topic: str) -> Iterator[Inbox]:
    """The inbox of a topic over a connection of its own; errors are sentences."""
    with postgres.connect(url, what=OPS) as connection, postgres.errors_about(OPS):
        yield Inbox(connection, topic)
