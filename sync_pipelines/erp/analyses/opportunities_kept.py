"""What a call of `match-opportunities` overwrites, and what is put back after it.

The function deletes the user's rows with the status `nova`, of whichever company, and makes each row that matches
`nova` again. So what a person made of a row (its status, why it was discarded, notes) is kept before a call and put
back afterwards, and so are the rows of the user's other companies that it deleted. A user has one row an opportunity:
one that fits two companies is of the company that was matched last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

from sync_pipelines.lib import exact_json, postgres
from sync_pipelines.lib.failures import TransientError

_ROWS: LiteralString = (
    "select t.opportunity_id::text, t.company_id::text, md5(concat_ws('|', t.match_score,"
    " trim_scale(t.economia_anual_min), trim_scale(t.economia_anual_max)))"
    " from public.company_opportunities as t where t.user_id = %s and (%s or t.status = 'nova')"
)
_SAVINGS: LiteralString = (
    "select coalesce(sum(economia_anual_min), 0)::float8, coalesce(sum(economia_anual_max), 0)::float8"
    " from public.company_opportunities where user_id = %s and status = 'nova'"
)
_PERSONS: LiteralString = (
    "select t.opportunity_id::text, t.status, t.motivo_descarte, t.notas_usuario"
    " from public.company_opportunities as t where t.user_id = %s and (t.status is distinct from 'nova'"
    " or t.motivo_descarte is not null or t.notas_usuario is not null)"
)
_OTHERS: LiteralString = (
    "select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text from public.company_opportunities as t where t.user_id = %s"
    " and t.company_id is distinct from %s and (t.company_id is not null or exists (select from sync_private.analyses"
    " as a where a.user_id = t.user_id and a.analysis = 'opportunities' and a.company_id <> %s"
    " and a.found -> 'rows' ? t.opportunity_id::text))"
)
_PUT_OTHERS: LiteralString = (
    "insert into public.company_opportunities select k.* from jsonb_populate_recordset("
    "null::public.company_opportunities, %(others)s::jsonb) as k where exists ("
    "select from public.tax_opportunities as o where o.id = k.opportunity_id)"
    # The rows of a company that was removed meanwhile went with it.
    " and (k.company_id is null or exists (select from public.company_profile as p where p.id = k.company_id))"
    " on conflict do nothing"
)
#: What a person says of it by now stands: only what the function made new is as it was.
_PUT_PERSONS: LiteralString = (
    "update public.company_opportunities as t set status = k.status,"
    " motivo_descarte = coalesce(t.motivo_descarte, k.reason), notas_usuario = coalesce(t.notas_usuario, k.notes)"
    " from jsonb_to_recordset(%(persons)s::jsonb) as k (opportunity uuid, status text, reason text, notes text)"
    " where t.user_id = %(user)s and t.opportunity_id = k.opportunity and t.status = 'nova'"
)
_LOST: LiteralString = (
    "select count(*) from jsonb_to_recordset(%(persons)s::jsonb) as k (opportunity uuid, status text)"
    " join public.company_opportunities as t on t.opportunity_id = k.opportunity and t.user_id = %(user)s"
    " where t.status = 'nova' and k.status is distinct from 'nova'"
)


def read_rows(
    connection: postgres.Connection, user_id: UUID, *, only_new: bool = False
) -> dict[str, dict[str, Any]]:
    """The user's rows by opportunity: the company, and a digest of the figures."""
    rows = connection.execute(_ROWS, (user_id, not only_new)).fetchall()
    return {one: {"company": company, "figures": figures} for one, company, figures in rows}


def read_savings(connection: postgres.Connection, user_id: UUID) -> tuple[float, float]:
    """What the user's new rows save in a year, at least and at most, in reais."""
    row = connection.execute(_SAVINGS, (user_id,)).fetchone()
    assert row is not None
    return row[0], row[1]


def read_kept(connection: postgres.Connection, user_id: UUID, company_id: UUID) -> dict[str, Any]:
    """What is to be put back after a call for a company."""
    names = ("opportunity", "status", "reason", "notes")
    persons = [
        dict(zip(names, row, strict=True)) for row in connection.execute(_PERSONS, (user_id,)).fetchall()
    ]
    others = connection.execute(_OTHERS, (user_id, company_id, company_id)).fetchone()
    return {"persons": persons, "others": exact_json.loads(others[0]) if others else []}


def put_back(connection: postgres.Connection, user_id: UUID, kept: Mapping[str, Any]) -> None:
    """Put back what persons and other companies had, in the caller's transaction.

    Raises TransientError if a person's status does not stay.
    """
    given = {"user": user_id, **{name: exact_json.dumps(rows) for name, rows in kept.items()}}
    connection.execute(_PUT_OTHERS, given)
    connection.execute(_PUT_PERSONS, given)
    connection.execute("set constraints all immediate")
    if connection.execute(_LOST, given).fetchone() != (0,):
        raise TransientError("What a person noted on an opportunity could not be put back.")
