-- The values of a lead on both sides, longest first: what a trigger raises may quote them.
select value from (
    select value from readings as r cross join lateral jsonb_each_text(r.lead) where r.lead_id = %(id)s
    union select value from public.leads as l cross join lateral jsonb_each_text(to_jsonb(l)) where l.id = %(id)s
) as held
where length(value) > 2 order by length(value) desc
