"""The titles of one month of a connection in `sync_private.titles`: one transaction, proved before its commit.

They are merged by the vendor's number, so that a title that moves between months keeps its row. Nothing is written
before the list of the month and its details are in hand; an unchanged title is not rewritten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, LiteralString, NamedTuple
from uuid import UUID

from psycopg import sql

from sync_pipelines.erp.financials.extract import Entry
from sync_pipelines.erp.financials.known import TABLE
from sync_pipelines.erp.financials.validate import COLUMNS, Key
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.digest import Digest, Proof, digest_of, digest_query

_SAID: Final = [column.name for column in COLUMNS]
_WRITTEN: Final = [*_SAID, "month", "content_hash"]
_STAGE = "create temporary table read_titles (like sync_private.titles including defaults) on commit drop"
_MERGE = sql.SQL(
    "insert into sync_private.titles as target (connection_id, {written}, list_hash, detail_at, read_at)"
    " select connection_id, {written}, list_hash, detail_at, read_at from pg_temp.read_titles order by side, vendor_id"
    " on conflict (connection_id, side, vendor_id) do update set ({written}, list_hash, detail_at,"
    " read_at, vanished_at) = ({excluded}, excluded.list_hash, excluded.detail_at, excluded.read_at, null)"
    " where ({target}, target.vanished_at) is distinct from ({excluded}, null::timestamptz) returning xmax = 0"
).format(
    written=sql.SQL(", ").join(map(sql.Identifier, _WRITTEN)),
    excluded=sql.SQL(", ").join(sql.Identifier("excluded", name) for name in _WRITTEN),
    target=sql.SQL(", ").join(sql.Identifier("target", name) for name in _WRITTEN),
)
#: What was read, though it says what the row says already.
_READ: LiteralString = (
    "update sync_private.titles as t set (list_hash, detail_at) = (r.list_hash, r.detail_at)"
    " from pg_temp.read_titles as r"
    " where (t.connection_id, t.side, t.vendor_id) = (r.connection_id, r.side, r.vendor_id)"
    " and (t.list_hash, t.detail_at) is distinct from (r.list_hash, r.detail_at)"
)
_OF_KEYS: LiteralString = "unnest(%(sides)s::text[], %(ids)s::text[]) as s (side, vendor_id)"
_VANISH: LiteralString = (
    f"update sync_private.titles as t set vanished_at = %(now)s from {_OF_KEYS}"
    " where t.connection_id = %(connection)s and (t.side, t.vendor_id) = (s.side, s.vendor_id)"
    " and t.vanished_at is null"
)
_MOVE: LiteralString = (
    "update sync_private.titles as t set month = s.month"
    " from unnest(%(sides)s::text[], %(ids)s::text[], %(months)s::date[]) as s (side, vendor_id, month)"
    " where t.connection_id = %(connection)s and (t.side, t.vendor_id) = (s.side, s.vendor_id) and t.month <> s.month"
)


@dataclass
class MonthPlan:
    """What a transaction is to do: rows to merge, titles to mark and to move, and what the month is to hold then."""

    month: date
    entries: list[Entry] = field(default_factory=list)
    gone: set[Key] = field(default_factory=set)
    moves: dict[Key, date] = field(default_factory=dict)
    #: The hash of each live row that the month is to have, but for those that are merged.
    others: list[UUID] = field(default_factory=list)


class Loaded(NamedTuple):
    """What a transaction did, in titles."""

    inserted: int
    changed: int
    vanished: int
    proof: Proof


def load(session: SyncSession, plan: MonthPlan) -> Loaded:
    """Write a month in the caller's transaction, and compare its live rows with what they are to be."""
    database = session.database
    hashes = {one.key: one.row.content_hash() for one in plan.entries if one.row is not None}
    _stage(session, plan.entries, hashes)
    given = {"connection": session.connection.id, "now": session.started, "month": plan.month}
    database.execute(_MOVE, {**given, **_keys(plan.moves), "months": list(plan.moves.values())})
    vanished = database.execute(_VANISH, {**given, **_keys(plan.gone)}).rowcount
    written = [is_new for (is_new,) in database.execute(_MERGE).fetchall()]
    database.execute(_READ)
    postgres.end_writes(database)
    meant = digest_of(one.bytes for one in (*hashes.values(), *plan.others))
    return Loaded(
        inserted=sum(written),
        changed=len(written) - sum(written),
        vanished=vanished,
        proof=_prove(session, plan, meant),
    )


def _stage(session: SyncSession, entries: Iterable[Entry], hashes: Mapping[Key, UUID]) -> None:
    database = session.database
    database.execute(_STAGE)
    names = ["connection_id", *_SAID, "month", "content_hash", "list_hash", "detail_at", "read_at"]
    rows = (
        [
            *(session.connection.id, *one.row, one.month, hashes[one.key], one.list_hash),
            *(session.started if one.has_read_detail else None, session.started),
        ]
        for one in entries
        if one.row is not None
    )
    postgres.copy_rows(database, "pg_temp.read_titles", names, rows=rows)
    database.execute("analyze pg_temp.read_titles")


def _prove(session: SyncSession, plan: MonthPlan, meant: Digest) -> Proof:
    """What the month is to hold beside its live rows, those of titles that moved out of it included."""
    where = sql.SQL(
        "connection_id = %(connection)s and vanished_at is null and (month = %(month)s"
        " or (side, vendor_id) in (select side, vendor_id from pg_temp.read_titles))"
    )
    query = digest_query(postgres.table(TABLE), COLUMNS, where=where)
    given = {"connection": session.connection.id, "month": plan.month}
    row = session.database.execute(query, given).fetchone()
    left = session.database.execute(
        f"select count(*) from sync_private.titles as t join {_OF_KEYS} using (side, vendor_id)"
        " where t.connection_id = %(connection)s and t.vanished_at is null",
        {**given, **_keys(plan.gone)},
    ).fetchone()
    return Proof(
        {"titles": str(meant), "vanished titles left": "0"},
        {
            "titles": str(row[1]) if row else str(Digest()),
            "vanished titles left": str(left[0]) if left else "",
        },
    )


def _keys(keys: Collection[Key]) -> dict[str, list[str]]:
    return {"sides": [key.side for key in keys], "ids": [key.vendor_id for key in keys]}
