-- The audit trail of the application.
insert into public.sync_events (event_type, direction, lead_id, status, error_message, fields_synced_count)
select
    case when outcome = 'created' then 'create' else 'update' end,
    'gestao_scouter_to_supabase',
    lead_id,
    case when outcome = 'rejected' then 'error' else 'success' end,
    reason,
    differing
from incoming
where outcome in ('created', 'updated', 'rejected') or reason = 'older version'
order by id
