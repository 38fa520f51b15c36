-- Run in the ops database.
insert into ops.lead_exchanges (destination, lead_id, content_hash, updated_at, direction, run_id)
select %(destination)s, made.lead_id, made.content_hash, made.updated_at, 'taken_back', %(run_id)s
from unnest(%(lead_ids)s::bigint[], %(hashes)s::uuid[], %(times)s::timestamptz[])
    as made (lead_id, content_hash, updated_at)
on conflict (destination, lead_id) do update set
    content_hash = excluded.content_hash, updated_at = excluded.updated_at, direction = excluded.direction,
    run_id = excluded.run_id, exchanged_at = now()
