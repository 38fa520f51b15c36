"""What the database has of a month's list before anything is asked for: which documents still have to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import sql

from sync_pipelines.erp.invoices.content import read_live_contents
from sync_pipelines.erp.invoices.validate import Entry
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines.lib import postgres

_LISTED = (
    "create temporary table if not exists listed_invoices (vendor_id text primary key, nfe_key text,"
    " state text not null, model text, direction smallint, series text, number text, issue_date date not null,"
    " total numeric, decision text, reason text, remarks text[], read_at timestamptz)"
)
_COLUMNS = (
    *("vendor_id", "nfe_key", "state", "model", "direction", "series", "number", "issue_date", "total"),
    *("decision", "reason", "remarks", "read_at"),
)
_IMPORTS = sql.SQL(
    "select i.id from public.xml_imports as i join pg_temp.listed_invoices as l on l.nfe_key = i.nfe_key"
    " where i.user_id = %(user)s"
)
#: Keys of an earlier sync, where the list has none.
_KEYS = (
    "update pg_temp.listed_invoices as l set nfe_key = v.nfe_key from sync_private.invoices as v"
    " where v.connection_id = %(connection)s and v.vendor_id = l.vendor_id and l.nfe_key is null"
)
#: A moment that Python cannot hold is none of ours.
_KNOWN = """
select l.vendor_id, l.nfe_key, v.decision, v.reason, v.state,
    case when v.read_at between '0002-01-01' and '9998-12-31' then v.read_at end,
    v.remarks, i.id, i.content_sha256, i.file_size,
    coalesce(v.content_hash = c.hash, false)
        and (i.connection_id is distinct from %(connection)s or %(company)s::uuid is null
            or i.company_id = %(company)s)
        and exists (select from public.erp_connections as e where e.id = i.connection_id and e.user_id = i.user_id),
    i.nfe_status, date_trunc('month', i.issue_date) is distinct from date_trunc('month', l.issue_date)
from pg_temp.listed_invoices as l
left join sync_private.invoices as v on v.connection_id = %(connection)s and v.vendor_id = l.vendor_id
left join public.xml_imports as i on i.user_id = %(user)s and i.nfe_key = l.nfe_key
left join pg_temp.live_contents as c on c.import_id = i.id
"""
_VOID = """
select distinct on (v.nfe_key) v.nfe_key, v.state
from sync_private.invoices as v
join public.erp_connections as e on e.id = v.connection_id and e.user_id = %(user)s
join pg_temp.listed_invoices as l on l.nfe_key = v.nfe_key
where v.state in ('cancelada', 'denegada') and (v.connection_id, v.vendor_id) <> (%(connection)s, l.vendor_id)
order by v.nfe_key, v.state
"""


class Known(NamedTuple):
    """What is stored of a listed invoice; everything None or False if nothing is."""

    vendor_id: str
    key: str | None
    decision: str | None
    reason: str | None
    state: str | None
    read_at: datetime | None
    remarks: Sequence[str] | None
    import_id: UUID | None
    sha256: str | None
    bytes: int | None
    #: Whether the rows of the application are as they were when the invoice was stored, and have their owner.
    is_intact: bool
    status: str | None
    #: Whether its document is of another month than the list says.
    is_of_other_month: bool


_UPLOADS = """
select count(distinct l.nfe_key)
from public.xml_imports as i
join public.xml_analysis as a on a.import_id = i.id
join pg_temp.listed_invoices as l on l.nfe_key = right(upper(a.raw_data ->> 'chaveNfe'), 44)
where i.user_id = %(user)s and i.nfe_key is null and l.decision = 'stored'
"""


def parameters(session: SyncSession) -> dict[str, Any]:
    """What the statements about a connection are given."""
    one = session.connection
    return {"connection": one.id, "user": one.user_id, "company": one.company_id, "now": session.started}


def stage(session: SyncSession, entries: Iterable[Entry], read_at: Mapping[str, datetime]) -> None:
    """Make `pg_temp.listed_invoices` the list; `read_at` is when a document was judged, by the vendor's number."""
    database = session.database
    database.execute(_LISTED)
    database.execute("truncate pg_temp.listed_invoices")
    rows = (_row(entry, read_at.get(entry.vendor_id)) for entry in entries)
    postgres.copy_rows(database, "pg_temp.listed_invoices", _COLUMNS, rows=rows)
    database.execute("analyze pg_temp.listed_invoices")


def read_known(session: SyncSession, entries: Iterable[Entry]) -> dict[str, Known]:
    """What is stored of these entries, by the vendor's number; also keys that the list does not have."""
    stage(session, entries, {})
    given = parameters(session)
    session.database.execute(_KEYS, given)
    read_live_contents(session.database, _IMPORTS, given)
    return {row[0]: Known(*row) for row in session.database.execute(_KNOWN, given).fetchall()}


def void_elsewhere(session: SyncSession) -> dict[str, InvoiceState]:
    """The keys of staged invoices that another connection of the user, or another row of the list, has as void."""
    rows = session.database.execute(_VOID, parameters(session)).fetchall()
    return {key: InvoiceState(state) for key, state in rows}


def uploads(session: SyncSession) -> int:
    """How many staged invoices the user uploaded by hand as well, after they were stored: they count twice."""
    row = session.database.execute(_UPLOADS, parameters(session)).fetchone()
    return int(row[0]) if row else 0


def _row(entry: Entry, read_at: datetime | None) -> tuple[object, ...]:
    one = entry.invoice
    return (
        *(one.vendor_id, entry.key, entry.state.value, entry.model, one.direction, one.series, one.number),
        *(one.issued_on, one.total, entry.decision, entry.reason, list(entry.remarks), read_at),
    )
