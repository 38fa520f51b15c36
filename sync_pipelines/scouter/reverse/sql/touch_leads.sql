-- The two sides differ still: the next push takes what was changed since the last one.
update public.leads set updated_at = clock_timestamp() where id = any(%(ids)s::bigint[]) returning id, updated_at::text
