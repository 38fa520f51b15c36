-- Run in the ops database.
with page as materialized (
    select id, array(
        select case when lead_id = any(%(ids)s::bigint[]) then null else updated_at end
        from unnest(leads, times) with ordinality as listed (lead_id, updated_at, place) order by place
    ) as times
    from ops.page_writes
    where destination = %(destination)s
        and exists (select from unnest(leads) as listed (lead_id) where lead_id = any(%(ids)s::bigint[]))
    order by id for update
)
update ops.page_writes as begun set times = page.times from page where begun.id = page.id
