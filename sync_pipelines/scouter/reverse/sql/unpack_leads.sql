-- The lead of each payload; a payload without one is rejected, a change of our own is ignored.
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
