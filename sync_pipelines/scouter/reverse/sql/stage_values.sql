-- The values of the readings that are taken, in the types of TabuladorMax.
create temporary table staged on commit drop as
select whole.id as of_this_reading{values}
from readings as whole cross join lateral jsonb_to_record(whole.lead) as stored ({record})
where whole.id = any(%(readings)s::bigint[])
