insert into sync_private.leads_merged (destination, lead_id, seen)
select %(destination)s, (seen ->> 'lead_id')::bigint, seen from jsonb_array_elements(%(merged)s::jsonb) as made (seen)
on conflict (destination, lead_id) do update set seen = excluded.seen
