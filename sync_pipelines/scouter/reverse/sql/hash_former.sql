-- Rows of Gestão Scouter, hashed as other mappings hashed them.
select whole.id, {hashes}
from unnest(%(ids)s::bigint[], %(rows)s::jsonb[]) as whole (id, lead)
cross join lateral jsonb_to_record(whole.lead) as stored ({record})
