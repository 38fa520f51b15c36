-- Keys come from outside, so only those that could be the name of a column are repeated.
select key, count(*) from readings as r cross join lateral jsonb_object_keys(r.lead) as key
where r.id > 0 and key not in (select unnest({known}::text[])) and key ~ '^[a-z_][a-z0-9_]{{0,62}}$'
group by key order by key limit 100
