-- The audit trail of the application.
insert into public.sync_events (event_type, direction, lead_id, status, error_message, fields_synced_count)
select kind, 'gestao_scouter_to_supabase', lead_id, status, message, fields
from unnest(%(kinds)s::text[], %(ids)s::bigint[], %(statuses)s::text[], %(messages)s::text[], %(fields)s::integer[])
    as made (kind, lead_id, status, message, fields)
