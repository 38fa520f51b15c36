-- The version of a change is its updated_at, or the time at which it came if it names none. The content hash tells of
-- a lead that was pushed before the reverse sync was switched on whether its row is still as that push left it.
select
    whole.id,
    whole.lead_id,
    whole.lead is not null,
    case when whole.lead is not null then {hashes} end,
    case when whole.lead ? 'updated_at'
        then extract(epoch from {version})::float8 else extract(epoch from whole.received_at)::float8 end,
    -- NaN equals nothing: without the column nobody can say on which of our writes the change was made.
    case when whole.lead ? 'last_sync_at' then extract(epoch from {stamp})::float8 else 'NaN' end,
    extract(epoch from whole.received_at)::float8,
    case when whole.id < 0 then {content_hash} end,
    whole.lead ->> 'criado',
    whole.lead ->> 'sync_source',
    whole.lead ->> 'updated_at'
from readings as whole cross join lateral jsonb_to_record(coalesce(whole.lead, '{{}}')) as stored ({record})
order by whole.id
