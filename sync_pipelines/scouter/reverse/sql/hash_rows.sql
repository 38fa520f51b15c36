-- Rows of Gestão Scouter, as they were last seen or not.
select whole.id, {hashes}, {content_hash}
from unnest(%(ids)s::bigint[], %(rows)s::jsonb[]) as whole (id, lead)
cross join lateral jsonb_to_record(whole.lead) as stored ({record})
