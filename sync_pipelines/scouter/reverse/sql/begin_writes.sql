-- Run in the ops database.
with listed as (
    insert into ops.lead_field_lists (id, fields) values (%(list)s, %(labels)s) on conflict do nothing
)
insert into ops.lead_writes (destination, lead_id, field_list, fields, stamp, updated_at, run_id)
select %(destination)s, lead_id, %(list)s, fields, stamp, updated_at, %(run_id)s
from unnest(%(ids)s::bigint[], %(fields)s::text[], %(stamps)s::timestamptz[], %(times)s::timestamptz[])
    as sent (lead_id, fields, stamp, updated_at)
on conflict (destination, lead_id) do update set
    field_list = excluded.field_list, fields = excluded.fields, stamp = excluded.stamp,
    updated_at = excluded.updated_at, run_id = excluded.run_id, begun_at = now()
