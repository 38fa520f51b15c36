-- The version of a change is its updated_at, or the time at which it came if it has none.
update incoming as i set version = dated.version
from (
    select whole.id, coalesce({version}, whole.received_at) as version
    from incoming as whole cross join lateral jsonb_to_record(whole.lead) as stored ({column} text)
    where whole.outcome is null
) as dated
where i.id = dated.id
