-- The row alone; update_leads fills it.
insert into public.leads (id)
select staged.lead_id from staged join incoming as i on i.id = staged.inbox_id
where i.outcome = 'created' and i.id = any(%(ids)s)
on conflict (id) do nothing
