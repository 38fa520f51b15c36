-- The values of both sides of a conflict, as Gestão Scouter writes them.
select (({body})::json -> wanted.field)::text, (r.lead -> wanted.field)::text
from unnest(%(ids)s::bigint[], %(fields)s::text[], %(readings)s::bigint[])
    with ordinality as wanted (lead_id, field, reading, place)
left join public.leads as lead on lead.id = wanted.lead_id
join readings as r on r.id = wanted.reading
order by wanted.place
