update readings as r set lead = case when jsonb_typeof(found.lead) = 'object' then found.lead end
from (select id, coalesce(nullif(payload -> 'lead', 'null'), payload -> 'ficha') as lead from readings) as found
where found.id = r.id
