"""Rows of the destination that a write of the mirror must not change: other months, and rows that are not the mirror's.

A trigger may change them all the same. Postgres counts what a transaction wrote in a table, so they are compared only
if more was written than we wrote: with what is committed, as another session sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from sync_pipelines.hitss.databases import HITSS
from sync_pipelines.hitss.dre.prove import ProofError
from sync_pipelines.hitss.mirror.table import MIRROR, MirroredTable, MonthDigest, month_label
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection

# Rows that this transaction inserted, updated and deleted so far, triggers included.
_TOUCHED: LiteralString = (
    "select pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)"
    " + pg_stat_get_xact_tuples_deleted(oid) from (select %s::regclass::oid) as it (oid)"
)
_OWN: LiteralString = """
    select coalesce(({month})::text, 'no month'), count(*), sum(('x' || left(hash, 16))::bit(64)::bigint),
        sum(('x' || right(hash, 16))::bit(64)::bigint)
    from (
        select *, md5(own::text) as hash from {table} as own where sync_source is distinct from {mirror} offset 0
    ) as hashed
    group by 1
"""


@dataclass(frozen=True)
class Bystanders:
    """What must stay as it was, in the transaction of `destination`; `url` leads to the same database.

    `known` is what each month of the mirror held when the run last read it.
    """

    destination: Connection
    url: str
    table: MirroredTable
    known: Mapping[str | None, MonthDigest]

    def touched(self) -> int:
        """How many rows of the table this transaction wrote so far, triggers included."""
        row = self.destination.execute(_TOUCHED, (self.table.name,)).fetchone()
        return int(row[0]) if row else 0

    def stop_if_changed(self, month: str | None) -> None:
        """Raise ProofError where a month other than `month` is not what it was, mirrored rows or own."""
        now = self.table.month_digests(self.destination, mirrored=True)
        others = (now.keys() | self.known.keys()) - {month}
        changed = {
            one or "no month"
            for one in others
            if now.get(one, MonthDigest()) != self.known.get(one, MonthDigest())
        }
        with postgres.connect(self.url, what=HITSS, read_only=True) as other:
            before, after = self._own(other), self._own(self.destination)
        changed |= {one for one in before.keys() | after.keys() if before.get(one) != after.get(one)}
        # Own rows of the month itself may be adopted or set aside: SetAside compares them one by one.
        changed.discard(month or "no month")
        if changed:
            names = ", ".join(sorted(month_label(one) for one in changed)[:5])
            raise ProofError(
                f"While the mirror of {month_label(month) if month else 'no month'} was written, other months of the"
                f" destination were altered ({names}), by a trigger or by another session. Nothing was changed."
            )

    def _own(self, connection: Connection) -> dict[str, tuple[object, ...]]:
        statement = sql.SQL(_OWN).format(
            month=sql.SQL(self.table.month), table=self.table.identifier, mirror=sql.Literal(MIRROR)
        )
        return {month: tuple(rest) for month, *rest in connection.execute(statement).fetchall()}
