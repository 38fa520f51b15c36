-- Run in the ops database. Of what was before only the fields that changed are kept, sixteen characters each.
insert into ops.lead_exchanges as known (destination, lead_id, content_hash, updated_at, direction, run_id,
    field_list, fields, stamp, seen_digest)
select %(destination)s, lead_id, content_hash, updated_at, 'pushed', %(run_id)s, %(list)s, fields, stamp, digest
from unnest(%(ids)s::bigint[], %(hashes)s::uuid[], %(times)s::timestamptz[], %(stamps)s::timestamptz[],
        %(digests)s::uuid[]) with ordinality as sent (lead_id, content_hash, updated_at, stamp, digest, place),
    -- The hashes of all are one text of bytes: Postgres reads an array of long texts letter by letter.
    lateral (select convert_from(substring(%(fields)s::bytea from ((place - 1) * %(width)s)::integer + 1 for %(width)s),
        'SQL_ASCII') as fields) as part
on conflict (destination, lead_id) do update set
    content_hash = excluded.content_hash, updated_at = excluded.updated_at, direction = excluded.direction,
    run_id = excluded.run_id, exchanged_at = now(),
    -- Of a column that was neither sent nor read the doubt stays.
    doubted = known.doubted and %(untouched)s::text[] <> '{}'
        and known.doubted_columns && array_prepend('*', %(untouched)s::text[]),
    history = case when known.fields is not null then (
        jsonb_build_array(jsonb_build_array(extract(epoch from known.stamp), case
            when known.fields = excluded.fields then '{}' else (
                select jsonb_object_agg(name, nullif(convert_from(was, 'SQL_ASCII'), '................'))
                from (
                    -- As bytea, because substr of a text counts its characters from the start; `offset 0`: cast once.
                    select name, substr(old, (16 * place - 15)::integer, 16) as was,
                        substr(new, (16 * place - 15)::integer, 16) as is_now
                    from (select known.fields::bytea as old, excluded.fields::bytea as new offset 0) as texts,
                        unnest(%(names)s::text[]) with ordinality as field (name, place)
                ) as field
                where was <> is_now
            ) end, extract(epoch from known.seen_version), to_jsonb(%(untouched)s::text[])))
        || coalesce(known.history, '[]')
    ) #- array[%(longest)s]::text[] end,
    field_list = excluded.field_list, fields = excluded.fields, stamp = excluded.stamp,
    seen_digest = excluded.seen_digest, seen_version = null, here_version = null
-- What is kept under the list of another mapping is made to fit first. What a merge has seen since the row was read back
-- is later: another thread may look at the next page meanwhile.
where (known.fields is null or known.field_list = excluded.field_list)
    and (known.stamp is null or known.stamp < excluded.stamp or known.stamp >= now() + interval '1 day'
        or known.stamp = excluded.stamp and known.direction = 'pushed')
returning lead_id
