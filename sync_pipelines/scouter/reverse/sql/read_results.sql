-- What became of each change, with the lead as it is now: the push must not send it straight back.
select i.id, i.lead_id, i.outcome, i.reason, lead.updated_at,
    case when i.outcome in ('created', 'updated', 'same') then {hash} end
from incoming as i left join public.leads as lead on lead.id = i.lead_id
order by i.id
