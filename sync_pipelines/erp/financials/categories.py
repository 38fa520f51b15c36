"""The categories of titles of a connection in `sync_private.title_categories`: lines follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, LiteralString
from uuid import UUID

from psycopg import sql

from sync_pipelines.erp.financials.validate import text_of
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.vendor import Category, Side
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError

_NAMES: Final = ("vendor_id", "name", "side", "parent", "dre_code", "dre_name", "is_transfer")
_STAGE = "create temporary table read_categories (like sync_private.title_categories including defaults) on commit drop"
_MERGE = sql.SQL(
    "insert into sync_private.title_categories as target (connection_id, {names}, read_at)"
    " select connection_id, {names}, read_at from pg_temp.read_categories order by vendor_id"
    " on conflict (connection_id, vendor_id) do update set ({names}, read_at, vanished_at)"
    " = ({excluded}, excluded.read_at, null)"
    " where ({target}, target.vanished_at) is distinct from ({excluded}, null::timestamptz)"
).format(
    names=sql.SQL(", ").join(map(sql.Identifier, _NAMES)),
    excluded=sql.SQL(", ").join(sql.Identifier("excluded", name) for name in _NAMES),
    target=sql.SQL(", ").join(sql.Identifier("target", name) for name in _NAMES),
)
_UNREAD: LiteralString = (
    " where c.connection_id = %(connection)s and c.vanished_at is null and not exists"
    " (select from pg_temp.read_categories as r where r.vendor_id = c.vendor_id)"
)
_VANISH: LiteralString = "update sync_private.title_categories as c set vanished_at = %(now)s" + _UNREAD
_DIFFERENT: LiteralString = (
    "select count(*) from pg_temp.read_categories as r left join sync_private.title_categories as c"
    " using (connection_id, vendor_id) where c.vendor_id is null or c.vanished_at is not null"
    " or (c.name, c.side, c.parent, c.dre_code, c.dre_name, c.is_transfer)"
    " is distinct from (r.name, r.side, r.parent, r.dre_code, r.dre_name, r.is_transfer)"
)
#: Also those that the ERP does not list any more, after those that it lists: stored titles are of them.
_STORED: LiteralString = (
    "select connection_id, vendor_id, name, side, parent, dre_code, dre_name, is_transfer"
    " from sync_private.title_categories where connection_id = any(%s) order by vanished_at desc nulls first, vendor_id"
)


def load_categories(session: SyncSession, categories: Sequence[Category]) -> None:
    """Make the stored categories what the ERP lists, in one transaction. Raises TransientError if they are not then.

    One without a number or a name is left out: nothing can be of it.
    """
    database = session.database
    given = {"connection": session.connection.id, "now": session.started}
    usable = {row[0]: row for row in map(_row, categories) if row[0] and row[1]}
    with database.transaction():
        session.fence(database)
        database.execute(_STAGE)
        rows = ([session.connection.id, *row, session.started] for row in usable.values())
        postgres.copy_rows(
            database, "pg_temp.read_categories", ["connection_id", *_NAMES, "read_at"], rows=rows
        )
        database.execute(_MERGE)
        database.execute(_VANISH, given)
        postgres.end_writes(database)
        different = database.execute(_DIFFERENT).fetchone()
        if different != (0,):
            raise TransientError(
                f"The categories of {session.key} are not what {session.vendor.name} lists, although they were just"
                " written. Nothing was changed."
            )


class Categories:
    """The stored categories of some connections, found by the vendor's id or by their name."""

    def __init__(self, rows: Iterable[tuple[UUID, Category]]) -> None:
        self._by_id: dict[tuple[UUID, str], Category] = {}
        self._by_name: dict[tuple[UUID, str, Side | None], Category] = {}
        for connection, one in rows:
            # A later one of the same id or name is one that the ERP does not list any more.
            self._by_id.setdefault((connection, one.vendor_id), one)
            self._by_name.setdefault((connection, one.name, one.side), one)

    @classmethod
    def stored(cls, database: postgres.Connection, connections: Sequence[UUID]) -> Categories:
        rows = database.execute(_STORED, (list(connections),)).fetchall()
        return cls(
            (connection, Category(vendor_id, name, Side(side) if side in set(Side) else None, *rest))
            for connection, vendor_id, name, side, *rest in rows
        )

    def find(self, connection: UUID, side: Side, text: str) -> Category:
        """The category that a title names; one that the ERP does not list has the text as its name."""
        found = self._by_id.get((connection, text)) or self._by_name.get((connection, text, side))
        found = found or self._by_name.get((connection, text, None)) or Category(text, text, side)
        above = self._by_id.get((connection, found.parent or ""))
        return found._replace(parent=above.name) if above is not None else found

    def marks_transfers(self, connection: UUID) -> bool:
        """Whether the ERP marks categories between accounts of the company."""
        return any(one.is_transfer for (owner, _), one in self._by_id.items() if owner == connection)


def _row(
    one: Category,
) -> tuple[str | None, str | None, str | None, str | None, str | None, str | None, bool]:
    side = one.side.value if one.side is not None else None
    dre = (text_of(one.dre_code), text_of(one.dre_name))
    return (text_of(one.vendor_id), text_of(one.name), side, text_of(one.parent), *dre, one.is_transfer)
