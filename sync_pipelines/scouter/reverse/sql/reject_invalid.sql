-- A lead with a value that does not fit its column is rejected, with the first such field.
update incoming as i set outcome = 'rejected', reason = checked.problem
from (
    select whole.id, {problem} as problem
    from incoming as whole cross join lateral jsonb_to_record(whole.lead) as stored ({record})
    where whole.outcome is null
) as checked
where i.id = checked.id and checked.problem is not null
