"""The rows of `company_ncm_analysis` that stand for the products of a connection (contract, sections 2.6 and 10).

The application's own analysis of NCM codes deletes all rows of a user and inserts what the invoices say: so ours come
and go, and the catalogue remembers which row is whose (`ncm_row_id`). A row that is not ours is never touched. Where
the application has a row with the same product and code, a second one would only double it.

Name, code and company of our rows are kept equal to the catalogue. The status is the application's as soon as the row
is there: it is written again only with another code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString, NamedTuple
from uuid import UUID

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.lib import postgres

TABLE = "public.company_ncm_analysis"
_ACTION = "Corrija o NCM no cadastro do produto no ERP."
_WANTED: LiteralString = "p.is_active and not p.is_service and p.vanished_at is null"
#: Rows of ours whose product is no longer one of the analysis.
_DELETE: LiteralString = (
    "delete from public.company_ncm_analysis as t using sync_private.products as p"
    f" where p.connection_id = %(connection)s and t.id = p.ncm_row_id and not ({_WANTED})"
)
#: The row is gone, by us or by the application.
_FORGET: LiteralString = (
    "update sync_private.products as p set ncm_row_id = null where p.connection_id = %(connection)s"
    " and p.ncm_row_id is not null and not exists (select from public.company_ncm_analysis as t"
    " where t.id = p.ncm_row_id and t.user_id = %(user)s)"
)
_UPDATE: LiteralString = (
    "update public.company_ncm_analysis as t set product_name = p.name, ncm_code = p.ncm_code,"
    " company_id = %(company)s::uuid, status = case when t.ncm_code = p.ncm_code then t.status else p.ncm_status end,"
    " reason = case when t.ncm_code = p.ncm_code then t.reason else p.ncm_reason end,"
    " suggested_action = case when t.ncm_code = p.ncm_code then t.suggested_action"
    " when p.ncm_reason is not null then %(action)s end"
    " from sync_private.products as p where p.connection_id = %(connection)s and t.id = p.ncm_row_id"
    " and (t.product_name, t.ncm_code, t.company_id) is distinct from (p.name, p.ncm_code, %(company)s::uuid)"
)
#: What rows of the application say; one without a company is of all companies of the user.
_APPLICATIONS: LiteralString = (
    "select t.product_name, t.ncm_code from public.company_ncm_analysis as t"
    " left join sync_private.products as o on o.ncm_row_id = t.id where o.ncm_row_id is null"
    " and t.user_id = %(user)s and (t.company_id is null or t.company_id = %(company)s::uuid)"
)
_CLAIM: LiteralString = (
    "update sync_private.products as p set ncm_row_id = gen_random_uuid()"
    " where p.connection_id = %(connection)s and p.vendor_id = any(%(claimed)s)"
)
_INSERT: LiteralString = (
    "insert into public.company_ncm_analysis"
    " (id, user_id, company_id, product_name, ncm_code, status, reason, suggested_action)"
    " select p.ncm_row_id, %(user)s, %(company)s::uuid, p.name, p.ncm_code, p.ncm_status, p.ncm_reason,"
    " case when p.ncm_reason is not null then %(action)s end"
    " from sync_private.products as p where p.connection_id = %(connection)s and p.ncm_row_id is not null"
    " and not exists (select from public.company_ncm_analysis as t where t.id = p.ncm_row_id)"
)
_SHOWN: LiteralString = (
    "select p.vendor_id, p.name, p.ncm_code, p.ncm_row_id is null, t.id is not null"
    " and (t.product_name, t.ncm_code) = (p.name, p.ncm_code) and t.company_id is not distinct from %(company)s::uuid"
    " from sync_private.products as p left join public.company_ncm_analysis as t"
    " on t.id = p.ncm_row_id and t.user_id = %(user)s"
    f" where p.connection_id = %(connection)s and {_WANTED}"
)

_INCOMPLETE: LiteralString = (
    "select count(*) from sync_private.products as p"
    f" where p.connection_id = %(connection)s and p.ncm_status = 'incompleto' and {_WANTED}"
)


class NcmRows(NamedTuple):
    """What was done to our rows of the analysis."""

    inserted: int
    changed: int
    deleted: int


def incomplete(connection: postgres.Connection, connection_id: UUID) -> int:
    """How many products of the analysis have no NCM of eight digits."""
    row = connection.execute(_INCOMPLETE, {"connection": connection_id}).fetchone()
    assert row is not None
    return int(row[0])


def lock_of(user_id: UUID) -> int:
    """The advisory lock of a user's rows: of whoever writes them, and over a call that deletes them."""
    return postgres.lock_key("erp", "ncm_rows", str(user_id))


def lock(connection: postgres.Connection, user_id: UUID) -> None:
    """Write the rows of a user one after the other, until the transaction ends. Call it before all other locks.

    The rows of all connections of a user are written after an analysis of NCM codes, maybe during a sync of another.
    """
    connection.execute("select pg_advisory_xact_lock(%s)", (lock_of(user_id),))


def write(connection: postgres.Connection, erp: ErpConnection) -> NcmRows:
    """Make our rows equal to the catalogue, in the caller's transaction."""
    given = _parameters(erp)
    deleted = connection.execute(_DELETE, given).rowcount
    connection.execute(_FORGET, given)
    changed = connection.execute(_UPDATE, given).rowcount
    without = [one for one in _products(connection, given) if not one.is_shown and not one.is_applications]
    connection.execute(_CLAIM, {**given, "claimed": [one.vendor_id for one in without]})
    inserted = connection.execute(_INSERT, given).rowcount
    return NcmRows(inserted, changed, deleted)


def count(connection: postgres.Connection, erp: ErpConnection) -> tuple[int, int]:
    """Products that the analysis should show, and those that it shows."""
    products = _products(connection, _parameters(erp))
    return len(products), sum(one.is_shown or one.is_applications for one in products)


class _Product(NamedTuple):
    """A product that the analysis should show: whether a row of ours shows it, or one of the application."""

    vendor_id: str
    is_shown: bool
    is_applications: bool


def _products(connection: postgres.Connection, given: Mapping[str, object]) -> list[_Product]:
    """Compared here: joined by name and code, without an index, it would take the square of the products' number."""
    applications = set(connection.execute(_APPLICATIONS, given).fetchall())
    return [
        _Product(vendor_id, is_shown, has_no_row and (name, code) in applications)
        for vendor_id, name, code, has_no_row, is_shown in connection.execute(_SHOWN, given).fetchall()
    ]


def _parameters(erp: ErpConnection) -> dict[str, object]:
    return {"connection": erp.id, "user": erp.user_id, "company": erp.company_id, "action": _ACTION}
