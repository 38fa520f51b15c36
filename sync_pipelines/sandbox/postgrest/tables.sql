-- The relations that a schema exposes, each with its columns in order (wire contract, section 6).
select
    c.relname,
    obj_description(c.oid, 'pg_class'),
    coalesce((
        select array_agg(a.attname order by k.place)
        from pg_index as i
        cross join lateral unnest(i.indkey) with ordinality as k (attnum, place)
        join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary
    ), '{}')::text[],
    coalesce((
        select json_agg(
            json_build_object(
                'name', a.attname,
                'type', format_type(a.atttypid, a.atttypmod),
                'format', format_type(a.atttypid, null),
                'is_required', a.attnotnull,
                'length', case
                    when a.atttypid in ('varchar'::regtype, 'bpchar'::regtype) and a.atttypmod > 4
                    then a.atttypmod - 4
                end,
                'default', pg_get_expr(d.adbin, d.adrelid),
                'comment', col_description(c.oid, a.attnum),
                'labels', (
                    select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum as e
                    where e.enumtypid = a.atttypid
                ),
                'target', (
                    select json_build_array(other.relname, theirs.attname)
                    from pg_constraint as f
                    join pg_class as other on other.oid = f.confrelid
                    join pg_attribute as theirs on theirs.attrelid = f.confrelid and theirs.attnum = f.confkey[1]
                    where f.conrelid = c.oid and f.contype = 'f' and f.conkey = array[a.attnum]
                        and other.relnamespace = c.relnamespace
                    limit 1
                )
            ) order by a.attnum
        )
        from pg_attribute as a
        left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ), '[]')
from pg_class as c
where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'v', 'm', 'f', 'p')
order by c.relname
