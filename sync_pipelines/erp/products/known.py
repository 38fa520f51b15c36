"""The products of a connection whose detail need not be read again: the list says of them what it said before.

Bling lists changes instead; the details of Conta Azul and Tiny are read again at least every seven days (`detail_age`),
because an NCM may change without a trace in the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import sql

from sync_pipelines.erp.detail_age import is_fresh
from sync_pipelines.erp.products.validate import COLUMNS
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.digest import row_hash_sql

#: Live rows that nobody altered. A moment that Python cannot hold is none of ours: that detail is read again.
_KNOWN: Final[LiteralString] = """
select vendor_id, list_hash, detail_at, content_hash
from sync_private.products
where connection_id = %s and vanished_at is null and list_hash is not null
    and detail_at between '0002-01-01' and '9998-12-31' and content_hash = {hash}::uuid
"""
_OLDEST: Final[LiteralString] = (
    "select min(detail_at) from sync_private.products where connection_id = %s and vanished_at is null"
    " and detail_at between '0002-01-01' and '9998-12-31'"
)


class KnownProduct(NamedTuple):
    """A stored product: what the list said of it when its detail was read, when that was, and what is stored of it."""

    list_digest: UUID
    detail_at: datetime
    content_hash: UUID


@dataclass(frozen=True)
class KnownProducts:
    """The products of a connection by the vendor's number, as a sync finds them that began `now`."""

    products: Mapping[str, KnownProduct]
    now: datetime
    zone: ZoneInfo

    def has(self, vendor_id: str, list_digest: UUID) -> bool:
        """Whether the detail is in hand, was read not long ago, and when the list said the same of the product."""
        known = self.products.get(vendor_id)
        if known is None or known.list_digest != list_digest:
            return False
        return is_fresh(vendor_id, known.detail_at, now=self.now, zone=self.zone)


def read_known(session: SyncSession) -> KnownProducts:
    """What is stored of the connection's products."""
    query = sql.SQL(_KNOWN).format(hash=row_hash_sql(COLUMNS))
    rows = session.database.execute(query, (session.connection.id,)).fetchall()
    known = {vendor_id: KnownProduct(*rest) for vendor_id, *rest in rows}
    return KnownProducts(known, session.started, session.zone)


def oldest_detail(connection: postgres.Connection, connection_id: UUID) -> datetime | None:
    """When the oldest detail was read that the catalogue rests on; None if it has no details."""
    row = connection.execute(_OLDEST, (connection_id,)).fetchone()
    moment: datetime | None = row[0] if row else None
    return moment
