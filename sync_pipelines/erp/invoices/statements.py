"""The statements of a month's load. `place` is the number of a staged invoice; the merges take a range of them."""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

STAGES: tuple[LiteralString, ...] = (
    "create temporary table if not exists meant_invoices (place integer generated always as identity,"
    " nfe_key text primary key, import_doc jsonb not null, analysis_doc jsonb not null)",
    "create temporary table if not exists meant_analyses"
    " (place integer, id uuid primary key, nfe_key text not null, doc jsonb not null)",
    "truncate pg_temp.meant_invoices restart identity",
    "truncate pg_temp.meant_analyses",
)
#: For all of the transaction: the connections of one user load one after the other.
LOCK_USER: LiteralString = "select pg_advisory_xact_lock(%s)"

IMPORTS_MEANT = sql.SQL(
    "(select %(user)s::uuid as user_id, nfe_key, import_doc as doc from pg_temp.meant_invoices"
    " where place between %(first)s and %(last)s)"
)
ANALYSES_MEANT = sql.SQL(
    "(select id, doc from pg_temp.meant_analyses where place between %(first)s and %(last)s)"
)
KEYS: LiteralString = (
    "select nfe_key from pg_temp.meant_invoices where place between %(first)s and %(last)s order by nfe_key"
)
#: The first connection keeps an import; one whose connection is gone belongs to the next that lists it.
OWN: LiteralString = """
update pg_temp.meant_invoices as m set import_doc = m.import_doc
    || jsonb_build_object('connection_id', %(connection)s::uuid)
    || case when %(company)s::uuid is null then '{}' else jsonb_build_object('company_id', %(company)s::uuid) end
where not exists (
    select from public.xml_imports as i
    join public.erp_connections as e on e.id = i.connection_id and e.user_id = i.user_id
    where i.user_id = %(user)s and i.nfe_key = m.nfe_key and i.connection_id <> %(connection)s
)
"""
#: A cancellation that another row knows of counts, whatever the list of this one says.
VOID: LiteralString = """
update pg_temp.meant_invoices as m set import_doc = m.import_doc || jsonb_build_object('nfe_status', s.state)
from unnest(%(keys)s::text[], %(states)s::text[]) as s (nfe_key, state)
where s.nfe_key = m.nfe_key and m.import_doc ->> 'nfe_status' not in ('cancelada', 'denegada')
"""
#: The import that an invoice had, whose key or user somebody changed.
RECLAIM: LiteralString = """
update public.xml_imports as t set (user_id, nfe_key) = row(%(user)s, m.nfe_key)
from pg_temp.meant_invoices as m
join sync_private.invoices as v on v.nfe_key = m.nfe_key and v.connection_id = %(connection)s
where t.id = v.import_id and m.place between %(first)s and %(last)s
    and (t.user_id, t.nfe_key) is distinct from (%(user)s, m.nfe_key)
    and not exists (
        select from public.xml_imports as own where own.user_id = %(user)s and own.nfe_key = m.nfe_key
    )
returning t.nfe_key
"""
#: An upload by hand of the same invoice becomes its import, unless there is one, or it holds others as well.
ADOPT: LiteralString = """
update public.xml_imports as t set nfe_key = c.nfe_key
from (
    select distinct on (m.nfe_key) m.nfe_key, i.id
    from public.xml_imports as i
    join public.xml_analysis as a on a.import_id = i.id
    join pg_temp.meant_invoices as m on m.nfe_key = right(upper(a.raw_data ->> 'chaveNfe'), 44)
    where i.user_id = %(user)s and i.nfe_key is null and m.place between %(first)s and %(last)s
        and not exists (
            select from public.xml_imports as own where own.user_id = %(user)s and own.nfe_key = m.nfe_key
        )
        and not exists (
            select from public.xml_analysis as other where other.import_id = i.id
                and right(upper(other.raw_data ->> 'chaveNfe'), 44) is distinct from m.nfe_key
        )
    order by m.nfe_key, i.created_at, i.id
) as c
where t.id = c.id
returning t.nfe_key
"""
#: An import has one analysis: the application sums up whatever lies there.
REMOVE_EXTRA: LiteralString = """
with ranked as (
    select a.id, i.nfe_key, row_number() over (partition by a.import_id order by a.id) as place
    from pg_temp.meant_invoices as m
    join public.xml_imports as i on i.user_id = %(user)s and i.nfe_key = m.nfe_key
    join public.xml_analysis as a on a.import_id = i.id
    where m.place between %(first)s and %(last)s
)
delete from public.xml_analysis as t using ranked
where t.id = ranked.id and ranked.place > 1
returning ranked.nfe_key
"""
STAGE_ANALYSES: LiteralString = """
insert into pg_temp.meant_analyses (place, id, nfe_key, doc)
select m.place, coalesce(a.id, gen_random_uuid()), m.nfe_key,
    m.analysis_doc || jsonb_build_object('import_id', i.id, 'user_id', i.user_id)
from pg_temp.meant_invoices as m
join public.xml_imports as i on i.user_id = %(user)s and i.nfe_key = m.nfe_key
left join public.xml_analysis as a on a.import_id = i.id
where m.place between %(first)s and %(last)s
"""
KEYS_OF_ANALYSES: LiteralString = "select nfe_key from pg_temp.meant_analyses where id = any(%(ids)s)"
COMPLETE: LiteralString = """
update public.xml_imports as i set status = 'COMPLETED', error_message = null, processed_at = %(now)s
from pg_temp.meant_invoices as m
where i.user_id = %(user)s and i.nfe_key = m.nfe_key and m.place between %(first)s and %(last)s
    and (i.status <> 'COMPLETED' or i.error_message is not null or i.processed_at is null)
returning i.nfe_key
"""
WITHDRAW: LiteralString = "delete from pg_temp.meant_invoices where place between %(first)s and %(last)s"

#: The month's slice of what the connection lists; a row that was of another month moves.
RECORD: LiteralString = """
insert into sync_private.invoices as v (connection_id, vendor_id, month, nfe_key, state, model, direction, series,
    number, issue_date, total, decision, reason, remarks, import_id, listed_at, read_at)
select %(connection)s, l.vendor_id, %(month)s, l.nfe_key, l.state, l.model, l.direction, l.series,
    l.number, l.issue_date, l.total, l.decision, l.reason, coalesce(l.remarks, '{}'),
    case when l.decision in ('stored', 'marked') then i.id end, %(now)s, l.read_at
from pg_temp.listed_invoices as l
left join public.xml_imports as i on i.user_id = %(user)s and i.nfe_key = l.nfe_key
order by l.vendor_id
on conflict (connection_id, vendor_id) do update set (month, nfe_key, state, model, direction, series,
    number, issue_date, total, decision, reason, remarks, import_id, listed_at, read_at, vanished_at)
    = (excluded.month, excluded.nfe_key, excluded.state, excluded.model, excluded.direction, excluded.series,
    excluded.number, excluded.issue_date, excluded.total, excluded.decision, excluded.reason, excluded.remarks,
    excluded.import_id, excluded.listed_at, coalesce(excluded.read_at, v.read_at), null)
where (v.month, v.nfe_key, v.state, v.model, v.direction, v.series, v.number, v.issue_date, v.total, v.decision,
    v.reason, v.remarks, v.import_id, coalesce(excluded.read_at, v.read_at), v.vanished_at)
    is distinct from (excluded.month, excluded.nfe_key, excluded.state, excluded.model, excluded.direction,
    excluded.series, excluded.number, excluded.issue_date, excluded.total, excluded.decision, excluded.reason,
    excluded.remarks, excluded.import_id, v.read_at, null)
"""
#: An invoice without a document that was stored before bears its mark all the same.
MARK: LiteralString = """
update public.xml_imports as i set nfe_status = l.state
from pg_temp.listed_invoices as l
where i.user_id = %(user)s and i.nfe_key = l.nfe_key and l.decision = 'marked' and i.nfe_status is distinct from l.state
returning i.nfe_key
"""
#: For whichever connection lists the import: what was written is what each of them expects.
HASH: LiteralString = """
update sync_private.invoices as v set content_hash = c.hash
from pg_temp.live_contents as c
where v.import_id = c.import_id and v.content_hash is distinct from c.hash
"""
WRITTEN = sql.SQL(
    "select i.id from public.xml_imports as i where i.user_id = %(user)s and (i.nfe_key = any(%(marked)s)"
    " or i.nfe_key in (select nfe_key from pg_temp.meant_invoices))"
)
IMPORTS_OF_MONTH = sql.SQL(
    "select v.import_id as id from sync_private.invoices as v"
    " where v.connection_id = %(connection)s and v.month = %(month)s"
)
#: What is sent to analyze-credits, with the state: analysed once, and again once it differs.
WANT_CREDITS: LiteralString = """
insert into sync_private.credit_analyses as w (import_id, user_id, connection_id, wanted)
select i.id, i.user_id, i.connection_id, md5(coalesce(a.raw_data::text, '') || '|' || i.nfe_status)::uuid
from pg_temp.live_contents as c
join public.xml_imports as i on i.id = c.import_id
join public.xml_analysis as a on a.import_id = i.id
left join sync_private.credit_analyses as before on before.import_id = i.id
where before.import_id is null or i.nfe_key = any(%(marked)s)
    or exists (select from pg_temp.meant_invoices as m where m.nfe_key = i.nfe_key)
order by i.id
on conflict (import_id) do update set (user_id, connection_id, wanted)
    = (excluded.user_id, excluded.connection_id, excluded.wanted)
where (w.user_id, w.connection_id, w.wanted)
    is distinct from (excluded.user_id, excluded.connection_id, excluded.wanted)
"""
