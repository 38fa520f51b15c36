-- Of several changes of one lead the newest counts; a key that it lacks comes from the newest change that has it.
with ranked as (
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
        select distinct on (r.chosen, each.key) r.chosen, each.key, each.value
        from ranked as r
        join incoming as one on one.id = r.id
        cross join lateral jsonb_each(one.lead) as each
        where (r.has_other_keys or r.id = r.chosen)
            and r.chosen in (select chosen from ranked where has_other_keys)
        order by r.chosen, each.key, r.version desc, r.id desc
    ) as latest
    group by latest.chosen
)
update incoming as i set
    outcome = case when r.chosen <> i.id then 'ignored' end,
    reason = case when r.chosen <> i.id then 'superseded by a newer change' end,
    lead = case when r.chosen = i.id then coalesce(m.lead, i.lead) else i.lead end
from ranked as r left join merged as m on m.chosen = r.chosen
where i.id = r.id and (r.chosen <> i.id or m.lead is not null)
