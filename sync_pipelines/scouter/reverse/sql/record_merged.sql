-- Run in the ops database.
insert into ops.lead_exchanges as known (destination, lead_id, content_hash, updated_at, direction, run_id,
    field_list, fields, history, stamp, seen_digest, seen_version, here_version, doubted_columns)
select %(destination)s, lead_id, content_hash, updated_at, 'taken_back', %(run_id)s, field_list, fields, history,
    to_timestamp(stamp), digest, to_timestamp(version), to_timestamp(here_version), untouched
from jsonb_to_recordset(%(merged)s::jsonb) as merged (
    lead_id bigint, content_hash uuid, updated_at timestamptz, field_list uuid, fields text, history jsonb,
    stamp float8, digest uuid, version float8, here_version float8, untouched text[]
)
on conflict (destination, lead_id) do update set
    content_hash = excluded.content_hash, updated_at = excluded.updated_at, direction = excluded.direction,
    run_id = excluded.run_id, exchanged_at = now(),
    -- Of a column that was not read (the new row carries these) the doubt stays.
    doubted = known.doubted and excluded.doubted_columns <> '{}'
        and known.doubted_columns && array_prepend('*', excluded.doubted_columns),
    field_list = excluded.field_list,
    fields = excluded.fields, history = excluded.history, stamp = excluded.stamp,
    seen_digest = excluded.seen_digest, seen_version = excluded.seen_version,
    here_version = excluded.here_version
