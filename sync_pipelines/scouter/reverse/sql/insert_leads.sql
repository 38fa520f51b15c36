-- The row alone; update_leads fills it.
insert into public.leads (id) select unnest(%(ids)s::bigint[]) on conflict (id) do nothing
