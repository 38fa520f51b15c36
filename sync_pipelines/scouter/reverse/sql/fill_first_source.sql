-- A lead that Gestão Scouter made has a value that several of our columns fill, and none of them is filled: it goes into
-- the first one. Otherwise the next push would empty it there.
update public.leads as lead set {column} = r.lead ->> {field}
from readings as r
where r.id = any(%(readings)s::bigint[]) and r.lead_id = lead.id and {value} is null and r.lead ->> {field} is not null
