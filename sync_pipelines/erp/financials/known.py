"""The stored titles of a connection that a list is about: those that it has, and those of its months."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Final, LiteralString, NamedTuple
from uuid import UUID

from psycopg import sql

from sync_pipelines.erp.financials.extract import partition_month, range_of
from sync_pipelines.erp.financials.validate import COLUMNS, Key
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.postgres.digest import row_hash_sql

TABLE: Final = "sync_private.titles"
#: A moment or a day that Python cannot hold is none of ours: its row is read as one that somebody altered.
_KNOWN: LiteralString = """
select side, vendor_id, month, case when listed_on between '0002-01-01' and '9998-12-31' then listed_on else month end,
    content_hash, list_hash, case when detail_at between '0002-01-01' and '9998-12-31' then detail_at end,
    vanished_at is null, {hash}::uuid
from sync_private.titles
where connection_id = %(connection)s and (month = any(%(months)s) or listed_on between %(first)s and %(last)s
    or (side, vendor_id) in (select * from unnest(%(sides)s::text[], %(ids)s::text[])))
"""
_ALTERED: LiteralString = """
select connection_id, month, count(*) from sync_private.titles
where connection_id = any(%(connections)s) and vanished_at is null and content_hash is distinct from {hash}::uuid
group by 1, 2 order by 2, 1
"""


class Known(NamedTuple):
    """A stored title. `content_hash` was recorded as it was written, `live_hash` is that of the row as it is now."""

    key: Key
    month: date
    listed_on: date
    content_hash: UUID
    list_hash: UUID
    detail_at: datetime | None
    is_live: bool
    live_hash: UUID

    @property
    def is_intact(self) -> bool:
        """Whether nobody altered the row since it was written."""
        return self.live_hash == self.content_hash

    def home(self, current: date) -> date:
        """The month of its own date, which another one becomes where the current month has passed."""
        return partition_month(self.listed_on, current)


def read_known(session: SyncSession, months: Sequence[date], listed: Collection[Key]) -> dict[Key, Known]:
    """What is stored of the titles of a list, and of those of its months."""
    query = sql.SQL(_KNOWN).format(hash=row_hash_sql(COLUMNS))
    first, last = range_of(session, months)
    given = {
        "connection": session.connection.id,
        "first": first,
        "last": last,
        "months": list(months),
        "sides": [key.side for key in listed],
        "ids": [key.vendor_id for key in listed],
    }
    rows = session.database.execute(query, given).fetchall()
    found = (Known(Key(side, vendor_id), *rest) for side, vendor_id, *rest in rows)
    return {one.key: one for one in found}


def refuse_altered(database: postgres.Connection, connections: Mapping[UUID, str]) -> None:
    """Raise TransientError if stored titles of connections, given with their keys, are not as they were written.

    A sync of their month reads them again; until then no statement is made of them.
    """
    query = sql.SQL(_ALTERED).format(hash=row_hash_sql(COLUMNS))
    rows = database.execute(query, {"connections": list(connections)}).fetchall()
    if rows:
        named = ", ".join(f"{connections[one]} {month:%Y-%m} ({count})" for one, month, count in rows[:6])
        raise TransientError(
            f"{TABLE}: {sum(row[2] for row in rows)} titles were altered since they were written: {named}. Read their"
            " months again (`erp sync --modules financeiro --from … --to …`). Nothing of the statement was changed."
        )
