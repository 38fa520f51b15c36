-- The values of the changes that are still undecided, in the types of TabuladorMax.
create temporary table staged on commit drop as
select whole.id as inbox_id, whole.lead_id, stored.{sync_source} as inbox_sync_source{values}
from incoming as whole cross join lateral jsonb_to_record(whole.lead) as stored ({record})
where whole.outcome is null
