-- Run in the ops database.
with listed as (
    insert into ops.lead_field_lists (id, fields) values (%(list)s, %(labels)s) on conflict do nothing
)
insert into ops.page_writes (destination, stamp, field_list, leads, times, fields, run_id)
values (%(destination)s, %(stamp)s, %(list)s, %(leads)s::bigint[], %(times)s::timestamptz[], %(fields)s, %(run_id)s)
