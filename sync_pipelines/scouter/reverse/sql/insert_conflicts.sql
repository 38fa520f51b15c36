-- What is decided in the same way again and again, such as against a trigger there, is one row with the latest dates.
with made as (
    select lead_id, field, source_column, here_value, there_value, to_timestamp(here_version) as here_updated_at,
        to_timestamp(there_version) as there_updated_at, kept, reason
    from jsonb_to_recordset(%(conflicts)s::jsonb) as made (
        lead_id bigint, field text, source_column text, here_value text, there_value text, here_version float8,
        there_version float8, kept text, reason text
    )
), repeated as (
    update sync_private.lead_conflicts as listed
    set decided_at = now(), here_updated_at = made.here_updated_at, there_updated_at = made.there_updated_at,
        run_id = %(run_id)s
    from made
    where listed.chosen is null and (listed.lead_id, listed.field, listed.kept, listed.reason)
        = (made.lead_id, made.field, made.kept, made.reason)
        and (listed.here_value, listed.there_value) is not distinct from (made.here_value, made.there_value)
    returning listed.lead_id, listed.field
)
insert into sync_private.lead_conflicts (lead_id, field, source_column, here_value, there_value, here_updated_at,
    there_updated_at, kept, reason, run_id)
select lead_id, field, source_column, here_value, there_value, here_updated_at, there_updated_at, kept, reason,
    %(run_id)s
from made where (lead_id, field) not in (select lead_id, field from repeated)
