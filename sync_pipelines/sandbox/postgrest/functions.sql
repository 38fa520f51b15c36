-- The functions of a schema, with the names and types of what they take.
select
    p.proname,
    p.proretset,
    p.prorettype = 'void'::regtype,
    t.typtype = 'c' or (p.prorettype = 'record'::regtype and coalesce(p.proargmodes && '{o,b,t}', false)),
    p.provolatile <> 'v',
    coalesce(p.proargnames[1:p.pronargs], '{}')::text[],
    (select coalesce(array_agg(format_type(a.kind, null) order by a.place), '{}')
        from unnest(p.proargtypes) with ordinality as a (kind, place))::text[],
    p.pronargs - p.pronargdefaults,
    coalesce(p.proconfig, '{}')::text[]
from pg_proc as p
join pg_type as t on t.oid = p.prorettype
where p.pronamespace = to_regnamespace(%s) and p.prokind = 'f'
    and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
order by p.proname, p.oid
