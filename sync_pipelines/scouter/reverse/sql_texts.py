"""The SQL of the drain, with gaps for what follows from the mapping.

`incoming` holds a batch as it stood in the inbox with what is decided of each row; `taken` holds the values of those
that are still undecided, in the types of TabuladorMax.
"""

from __future__ import annotations

from typing import LiteralString

INCOMING = (
    *("id", "lead_id", "source", "payload", "received_at"),
    *("known_hash", "known_direction", "applied_version", "applied_at"),
)

CREATE = """
create temporary table incoming (
    id bigint primary key, lead_id bigint not null, source text, payload jsonb not null, received_at timestamptz,
    known_hash uuid, known_direction text, applied_version text, applied_at timestamptz,
    lead jsonb, version timestamptz, outcome text, reason text, differing integer
) on commit drop
"""
UNPACK: LiteralString = """
update incoming as i set
    lead = unpacked.lead,
    outcome = case when unpacked.lead is null then 'rejected' when i.source = any({ours}::text[]) then 'ignored' end,
    reason = case
        when unpacked.lead is null then 'lead: is no object'
        when i.source = any({ours}::text[]) then 'its source is TabuladorMax'
    end
from incoming as whole
cross join lateral (
    select case when jsonb_typeof(found.lead) = 'object' then found.lead end as lead
    from (select coalesce(whole.payload -> 'lead', whole.payload -> 'ficha') as lead) as found
) as unpacked
where i.id = whole.id
"""
DATE: LiteralString = """
update incoming as i set version = dated.version
from (
    select whole.id, coalesce({version}, whole.received_at) as version
    from incoming as whole cross join lateral jsonb_to_record(whole.lead) as stored ({column} text)
    where whole.outcome is null
) as dated
where i.id = dated.id
"""
#: Of several changes of one lead the newest stands for all; a key that it lacks comes from the newest that has it.
COLLAPSE: LiteralString = """
with placed as (
    select id, first_value(id) over newest as chosen, version,
        keys <> first_value(keys) over newest as has_other_keys
    from (
        select id, lead_id, version, array(select jsonb_object_keys(lead)) as keys
        from incoming where outcome is null
    ) as keyed
    window newest as (partition by lead_id order by version desc, id desc)
), merged as (
    select latest.chosen, jsonb_object_agg(latest.key, latest.value) as lead
    from (
        select distinct on (p.chosen, each.key) p.chosen, each.key, each.value
        from placed as p
        join incoming as one on one.id = p.id
        cross join lateral jsonb_each(one.lead) as each
        where (p.has_other_keys or p.id = p.chosen)
            and p.chosen in (select chosen from placed where has_other_keys)
        order by p.chosen, each.key, p.version desc, p.id desc
    ) as latest
    group by latest.chosen
)
update incoming as i set
    outcome = case when p.chosen <> i.id then 'ignored' end,
    reason = case when p.chosen <> i.id then 'superseded by a newer change' end,
    lead = case when p.chosen = i.id then coalesce(m.lead, i.lead) else i.lead end
from placed as p left join merged as m on m.chosen = p.chosen
where i.id = p.id and (p.chosen <> i.id or m.lead is not null)
"""
REJECT: LiteralString = """
update incoming as i set outcome = 'rejected', reason = looked_at.problem
from (
    select whole.id, {problem} as problem
    from incoming as whole cross join lateral jsonb_to_record(whole.lead) as stored ({record})
    where whole.outcome is null
) as looked_at
where i.id = looked_at.id and looked_at.problem is not null
"""
TAKE: LiteralString = """
create temporary table taken on commit drop as
select whole.id as inbox_id, whole.lead_id, stored.{mark} as inbox_mark{values}
from incoming as whole cross join lateral jsonb_to_record(whole.lead) as stored ({record})
where whole.outcome is null
"""
LOCK = "select from public.leads where id in (select lead_id from taken) order by id for update"
#: Since a lead was taken back its updated_at is the time of that, and what the other side changes meanwhile would
#: look older: as long as nobody changed it here, its version is still that of the change that was taken.
DECIDE: LiteralString = """
update incoming as i set
    outcome = case
        when is_echo or is_unknown_mark then 'ignored'
        when not is_there then 'created'
        when judged.differing = 0 then 'same'
        when i.version < judged.stored_version then 'ignored'
        else 'updated'
    end,
    reason = case
        when is_echo then 'echo of the last exchange'
        when is_unknown_mark then 'marked as ours, and no exchange is known'
        when not is_there then null
        when judged.differing = 0 then 'nothing differs'
        when i.version < judged.stored_version then 'older version'
    end,
    differing = judged.differing
from (
    select
        whole.id,
        lead.id is not null as is_there,
        coalesce({payload_hash} = whole.known_hash, false) as is_echo,
        whole.known_hash is null
            and regexp_replace(lower(coalesce(taken.inbox_mark, '')), '[^a-z]', '', 'g') = any({ours}::text[])
            as is_unknown_mark,
        {differing} as differing,
        case
            when whole.known_direction = 'taken_back' and {hash} = whole.known_hash
                then coalesce({applied}, whole.applied_at, lead.updated_at)
            else lead.updated_at
        end as stored_version
    from taken
    join incoming as whole on whole.id = taken.inbox_id
    left join public.leads as lead on lead.id = taken.lead_id
) as judged
where i.id = judged.id
"""
INSERT: LiteralString = """
insert into public.leads (id)
select taken.lead_id from taken join incoming as i on i.id = taken.inbox_id
where i.outcome = 'created' and i.id = any(%(ids)s)
on conflict (id) do nothing
"""
UPDATE: LiteralString = """
update public.leads as lead set {changes}
from taken where taken.lead_id = lead.id and taken.inbox_id = any(%(ids)s)
"""
EVENTS = """
insert into public.sync_events (event_type, direction, lead_id, status, error_message, fields_synced_count)
select
    case when outcome = 'created' then 'create' else 'update' end,
    'gestao_scouter_to_supabase',
    lead_id,
    case when outcome = 'rejected' then 'error' else 'success' end,
    reason,
    differing
from incoming
where outcome in ('created', 'updated', 'rejected') or reason = 'older version'
order by id
"""
RESULTS: LiteralString = """
select i.id, i.lead_id, i.outcome, i.reason, lead.updated_at,
    case when i.outcome in ('created', 'updated', 'same') then {hash} end
from incoming as i left join public.leads as lead on lead.id = i.lead_id
order by i.id
"""
#: Names come from outside: only what could be a column is repeated.
UNKNOWN: LiteralString = r"""
select key, count(*) from incoming as i cross join lateral jsonb_object_keys(i.lead) as key
where key not in (select unnest({known}::text[])) and key ~ '^[a-z_][a-z0-9_]{{0,62}}$'
group by key order by key limit 100
"""
