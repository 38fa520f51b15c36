"""The catalogue of a connection in `sync_private.products`: merged by the vendor's number, proved in its transaction.

A product that a whole pass does not find is marked as vanished and kept. Nothing is written before the whole list is
in hand, and only rows of this connection are touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql

from sync_pipelines.erp.products import ncm_rows
from sync_pipelines.erp.products.guard import refuse_mass_vanishing
from sync_pipelines.erp.products.ncm_rows import NcmRows
from sync_pipelines.erp.products.validate import COLUMNS, Catalogue
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.postgres.digest import Digest, Proof, digest_of, digest_query

TABLE = "sync_private.products"
_SAID = sql.SQL(", ").join(sql.Identifier(column.name) for column in COLUMNS)
_STAGE = "create temporary table read_products (like sync_private.products including defaults) on commit drop"
_MERGE = sql.SQL(
    "insert into sync_private.products as target (connection_id, {said}, content_hash, read_at)"
    " select connection_id, {said}, content_hash, read_at from pg_temp.read_products order by vendor_id"
    " on conflict (connection_id, vendor_id) do update"
    " set ({said}, content_hash, read_at, vanished_at) = ({excluded}, excluded.content_hash, excluded.read_at, null)"
    " where (target.content_hash, target.vanished_at, {target})"
    " is distinct from (excluded.content_hash, null::timestamptz, {excluded}) returning xmax = 0"
).format(
    said=_SAID,
    excluded=sql.SQL(", ").join(sql.Identifier("excluded", column.name) for column in COLUMNS),
    target=sql.SQL(", ").join(sql.Identifier("target", column.name) for column in COLUMNS),
)
#: Rows that stand, as they are in the transaction: the proof compares them with the digests that were read before it.
_KEEP = (
    "insert into pg_temp.read_products select * from sync_private.products"
    " where connection_id = %(connection)s and vendor_id = any(%(kept)s)"
)
#: When details were read, also where that changed nothing. The detail of a reject is asked for again.
_DETAILS = (
    "update sync_private.products as p set (list_hash, detail_at) = (r.list_hash, r.detail_at)"
    " from pg_temp.read_products as r where p.connection_id = %(connection)s and p.vendor_id = r.vendor_id"
    " and (p.list_hash, p.detail_at) is distinct from (r.list_hash, r.detail_at)"
)
_FORGET_DETAILS = (
    "update sync_private.products set detail_at = null where connection_id = %(connection)s"
    " and vendor_id = any(%(rejected)s) and detail_at is not null"
)
#: Live rows of the connection that this run did not read; a rejected product is listed all the same.
_UNREAD = (
    " from sync_private.products as p where p.connection_id = %(connection)s and p.vanished_at is null"
    " and not exists (select from pg_temp.read_products as r where r.vendor_id = p.vendor_id)"
)
_NOT_REJECTED = " and p.vendor_id <> all(%(rejected)s)"
#: A moment that Python cannot hold is none of ours.
_MOMENTS = (
    "select case when full_at between '0002-01-01' and '9998-12-31' then full_at end,"
    " case when changes_at between '0002-01-01' and '9998-12-31' then changes_at end, digest"
    " from sync_private.product_catalogs where connection_id = %s"
)
_READ = (
    "insert into sync_private.product_catalogs as t (connection_id, full_at, changes_at, digest)"
    " values (%(connection)s, %(full_at)s, %(began)s, %(digest)s) on conflict (connection_id) do update"
    " set (full_at, changes_at, digest)"
    " = (coalesce(excluded.full_at, t.full_at), excluded.changes_at, excluded.digest)"
)


class LastPass(NamedTuple):
    """When the catalogue was last read, whole and for changes, and the digest that it left; None if never."""

    full_at: datetime | None = None
    changes_at: datetime | None = None
    digest: str | None = None


class Loaded(NamedTuple):
    """What a pass did to the catalogue. Where the proof does not hold, nothing was written."""

    inserted: int
    changed: int
    unchanged: int
    vanished: int
    ncm: NcmRows
    proof: Proof


def last_pass(connection: postgres.Connection, connection_id: UUID) -> LastPass:
    row = connection.execute(_MOMENTS, (connection_id,)).fetchone()
    return LastPass(*row) if row else LastPass()


def live_digest(connection: postgres.Connection, connection_id: UUID) -> str:
    """The digest of the stored catalogue, as its rows are now."""
    live = sql.SQL("connection_id = %s and vanished_at is null")
    row = connection.execute(
        digest_query(postgres.table(TABLE), COLUMNS, where=live), (connection_id,)
    ).fetchone()
    return str(row[1]) if row else str(Digest())


def is_as_left(connection: postgres.Connection, connection_id: UUID, digest: str | None) -> bool:
    """Whether the stored catalogue, its rows and the digest of each, is the one that a pass left."""
    rows = connection.execute(
        "select content_hash from sync_private.products where connection_id = %s and vanished_at is null",
        (connection_id,),
    ).fetchall()
    digests = {str(digest_of(one.bytes for (one,) in rows)), live_digest(connection, connection_id)}
    return digests == {digest}


def load(
    session: SyncSession, catalogue: Catalogue, *, began: datetime, changed: str | None = None
) -> Loaded:
    """Write what a pass read that began then, and its rows of the NCM analysis. One transaction.

    `changed` is of a pass over changes alone: the digest of the catalogue that they change. Raises TransientError if
    somebody changed that meanwhile, PermanentError if far too many products vanished.
    """
    is_full = changed is None
    connection, given = session.database, _parameters(session, catalogue, began, is_full=is_full)
    with connection.transaction():
        session.fence(connection)
        ncm_rows.lock(connection, session.connection.user_id)
        if changed is not None and not is_as_left(connection, session.connection.id, changed):
            raise TransientError(
                f"The catalogue of {session.key} was changed while {session.vendor.name} listed what changed there."
                " Nothing was changed; the next sync reads the whole list."
            )
        _stage(session, catalogue, began)
        connection.execute(_KEEP, given)
        connection.execute("analyze pg_temp.read_products")
        vanished = _mark_vanished(session, given) if is_full else 0
        written = [is_new for (is_new,) in connection.execute(_MERGE).fetchall()]
        connection.execute(_DETAILS, given)
        connection.execute(_FORGET_DETAILS, given)
        ncm = ncm_rows.write(connection, session.connection)
        said = _said(connection, catalogue, given)
        connection.execute(_READ, {**given, "digest": str(said) if catalogue.is_whole else ""})
        postgres.end_writes(connection)
        loaded = Loaded(
            inserted=sum(written),
            changed=len(written) - sum(written),
            unchanged=len(catalogue.hashes) - len(written),
            vanished=vanished,
            ncm=ncm,
            proof=_prove(session, said, given, is_full=is_full),
        )
        if not loaded.proof.holds:
            raise psycopg.Rollback
    return loaded


def _parameters(
    session: SyncSession, catalogue: Catalogue, began: datetime, is_full: bool
) -> dict[str, object]:
    return {
        "connection": session.connection.id,
        "began": began,
        "full_at": began if is_full else None,
        "rejected": sorted(catalogue.rejected_ids),
        "kept": sorted(catalogue.kept),
    }


def _stage(session: SyncSession, catalogue: Catalogue, read_at: datetime) -> None:
    connection = session.database
    connection.execute(_STAGE)
    columns = [column.name for column in COLUMNS]
    names = ["connection_id", *columns, "content_hash", "read_at", "list_hash", "detail_at"]
    digests = catalogue.list_digests
    rows = (
        [
            *(session.connection.id, *row, catalogue.hashes[number], read_at, digests.get(number)),
            read_at if number in digests else None,
        ]
        for number, row in catalogue.rows.items()
    )
    postgres.copy_rows(connection, "pg_temp.read_products", names, rows=rows)


def _mark_vanished(session: SyncSession, given: dict[str, object]) -> int:
    connection = session.database
    row = connection.execute(
        "select count(*), (select count(*)" + _UNREAD + _NOT_REJECTED + ") from sync_private.products"
        " where connection_id = %(connection)s and vanished_at is null",
        given,
    ).fetchone()
    before, vanished = row or (0, 0)
    refuse_mass_vanishing(vanished, before, session.accepted, vendor=session.vendor.name)
    connection.execute(
        "update sync_private.products as q set vanished_at = %(began)s from (select p.connection_id, p.vendor_id"
        + _UNREAD
        + _NOT_REJECTED
        + ") as gone where (q.connection_id, q.vendor_id) = (gone.connection_id, gone.vendor_id)",
        given,
    )
    return int(vanished)


def _said(connection: postgres.Connection, catalogue: Catalogue, given: Mapping[str, object]) -> Digest:
    """What the vendor said: of the products of this pass now, of every other when it was read."""
    unread = connection.execute("select p.content_hash" + _UNREAD, given).fetchall()
    now = digest_of(content_hash.bytes for content_hash in catalogue.hashes.values())
    return now + digest_of(content_hash.bytes for (content_hash,) in unread)


def _prove(session: SyncSession, said: Digest, given: Mapping[str, object], *, is_full: bool) -> Proof:
    """What the vendor said beside the live rows, here and in the NCM analysis."""
    connection, left = session.database, 0
    if is_full:
        row = connection.execute("select count(*)" + _UNREAD + _NOT_REJECTED, given).fetchone()
        left = row[0] if row else 0
    wanted, found = ncm_rows.count(connection, session.connection)
    return Proof(
        {"digest": str(said), "vanished products left": "0", "NCM rows": str(wanted)},
        {
            "digest": live_digest(connection, session.connection.id),
            "vanished products left": str(left),
            "NCM rows": str(found),
        },
    )
