-- The functions of a schema, with the names and types of what they take.
select
    p.proname,
    p.proretset,
    p.prorettype = 'void'::regtype,
    p.provolatile <> 'v',
    coalesce(p.proargnames[1:p.pronargs], '{}')::text[],
    (select coalesce(array_agg(format_type(t.kind, null) order by t.place), '{}')
        from unnest(p.proargtypes) with ordinality as t (kind, place))::text[],
    p.pronargs - p.pronargdefaults,
    coalesce(p.proconfig, '{}')::text[]
from pg_proc as p
where p.pronamespace = to_regnamespace(%s) and p.prokind = 'f'
    and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
order by p.proname, p.oid
