insert into public.leads (id{columns})
select decided.lead_id{values} from decided where decided.lead_id = any(%(ids)s::bigint[])
on conflict (id) do nothing
