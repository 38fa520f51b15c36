-- Keys come from outside, so only those that could be the name of a column are repeated.
select key, count(*) from incoming as i cross join lateral jsonb_object_keys(i.lead) as key
where key not in (select unnest({known}::text[])) and key ~ '^[a-z_][a-z0-9_]{{0,62}}$'
group by key order by key limit 100
