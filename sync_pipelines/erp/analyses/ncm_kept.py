"""What a call of `analyze-ncm-from-xmls` deletes and what is put back after it.

The function deletes all rows of the user in `company_ncm_analysis` and inserts one a code, without a company.

| row before the call | after it |
|---|---|
| stands for a product of a connection | written again from the catalogue, with the status that a person gave it |
| the function's own, as it left it | what the function says now |
| the function's own, changed by a person | the person's words, where the function says the same of the code as before |
| with a company, and no product's | put back as it was: the function writes none |
| without a company, of a code that no invoice has any more | gone, as after any call of the application's own screen |

Before the first call of ours it is not known which words are a person's: those of products are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.products import ncm_rows
from sync_pipelines.lib import exact_json, postgres
from sync_pipelines.lib.failures import TransientError

#: Status, reason and suggested action by code.
Verdicts = Mapping[str, list[str | None]]
_FOREIGN: LiteralString = (
    " from public.company_ncm_analysis as t where t.user_id = %(user)s"
    " and not exists (select from sync_private.products as p where p.ncm_row_id = t.id)"
)
_VERDICTS: LiteralString = (
    "select t.ncm_code, t.status, t.reason, t.suggested_action" + _FOREIGN + " and t.company_id is null"
)
_OTHERS: LiteralString = (
    "select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text" + _FOREIGN + " and t.company_id is not null"
)
_PRODUCTS: LiteralString = (
    "select p.connection_id::text, p.vendor_id, p.ncm_code, t.status, t.reason, t.suggested_action"
    " from public.company_ncm_analysis as t join sync_private.products as p on p.ncm_row_id = t.id"
    " where t.user_id = %(user)s and (t.status, t.reason) is distinct from (p.ncm_status, p.ncm_reason)"
)
_CONNECTIONS: LiteralString = (
    "select c.id from public.erp_connections as c where c.user_id = %(user)s"
    " and exists (select from sync_private.products as p where p.connection_id = c.id) order by c.id"
)
#: The rows of a company that was removed meanwhile went with it.
_OF_A_COMPANY: LiteralString = "exists (select from public.company_profile as p where p.id = k.company_id)"
_PUT_OTHERS: LiteralString = (
    "insert into public.company_ncm_analysis select k.* from jsonb_populate_recordset("
    "null::public.company_ncm_analysis, %(others)s::jsonb) as k where "
    + _OF_A_COMPANY
    + " on conflict (id) do nothing"
)
_MISSING_OTHERS: LiteralString = (
    "select count(*) from jsonb_to_recordset(%(others)s::jsonb) as k (id uuid, company_id uuid)"
    " where "
    + _OF_A_COMPANY
    + " and not exists (select from public.company_ncm_analysis as t where t.id = k.id)"
)
#: The product's row, or that of the application which stands for it.
_PUT_PRODUCTS: LiteralString = (
    "update public.company_ncm_analysis as t set status = k.status, reason = k.reason,"
    " suggested_action = k.action from jsonb_to_recordset(%(products)s::jsonb)"
    " as k (connection uuid, product text, code text, status text, reason text, action text)"
    " join sync_private.products as p on p.connection_id = k.connection and p.vendor_id = k.product"
    " where t.user_id = %(user)s and t.ncm_code = k.code and (t.id = p.ncm_row_id"
    " or (p.ncm_row_id is null and t.product_name = p.name))"
)
_PUT_VERDICTS: LiteralString = (
    "update public.company_ncm_analysis as t set status = k.now ->> 0, reason = k.now ->> 1,"
    " suggested_action = k.now ->> 2 from jsonb_to_recordset(%(verdicts)s::jsonb)"
    " as k (code text, said jsonb, now jsonb)"
    " where t.user_id = %(user)s and t.company_id is null and t.ncm_code = k.code"
    " and jsonb_build_array(t.status, t.reason, t.suggested_action) = k.said"
    " and not exists (select from sync_private.products as p where p.ncm_row_id = t.id)"
)


def read_verdicts(connection: postgres.Connection, user_id: UUID) -> dict[str, list[str | None]]:
    """What the rows without a company that stand for no product say."""
    rows = connection.execute(_VERDICTS, {"user": user_id}).fetchall()
    return {code: list(words) for code, *words in rows}


def count_foreign(connection: postgres.Connection, user_id: UUID) -> int:
    """Rows of the user that stand for no product."""
    row = connection.execute("select count(*)" + _FOREIGN, {"user": user_id}).fetchone()
    return int(row[0]) if row else 0


def read_kept(
    connection: postgres.Connection,
    user_id: UUID,
    *,
    live: Verdicts,
    left: Verdicts,
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """What is to be put back after a call.

    `left` is what the function said the last time, `before` what a call that was cut off was to put back: of it stays
    what has no row now.
    """
    given = {"user": user_id}
    names = ("connection", "product", "code", "status", "reason", "action")
    products = [dict(zip(names, row, strict=True)) for row in connection.execute(_PRODUCTS, given).fetchall()]
    others = connection.execute(_OTHERS, given).fetchone()
    lost = [one for one in before.get("verdicts", ()) if one["code"] not in live]
    said = [
        {"code": code, "said": left[code], "now": words}
        for code, words in live.items()
        if code in left and left[code] != words
    ]
    return {
        "products": products,
        "others": exact_json.loads(others[0]) if others else [],
        "verdicts": [*lost, *said],
    }


def put_back(connection: postgres.Connection, user_id: UUID, kept: Mapping[str, Any]) -> None:
    """Put back what a call deleted, in the caller's transaction. What is there is left as it is.

    Raises TransientError if a product or a row with a company is not there afterwards.
    """
    ncm_rows.lock(connection, user_id)
    given = {"user": user_id, **{name: exact_json.dumps(rows) for name, rows in kept.items()}}
    connection.execute(_PUT_OTHERS, given)
    control = Control(connection)
    found = connection.execute(_CONNECTIONS, given).fetchall()
    connections = [erp for (one,) in found if (erp := control.row(one)) is not None]
    for erp in connections:
        ncm_rows.write(connection, erp)
    connection.execute(_PUT_PRODUCTS, given)
    connection.execute(_PUT_VERDICTS, given)
    connection.execute("set constraints all immediate")
    shown = [ncm_rows.count(connection, erp) for erp in connections]
    missing = sum(wanted - there for wanted, there in shown)
    if missing or connection.execute(_MISSING_OTHERS, given).fetchone() != (0,):
        raise TransientError(
            "After the analysis of NCM codes the rows that it deletes could not all be put back; products without one:"
            f" {missing}."
        )
