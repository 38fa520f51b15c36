-- Run in the ops database. Takes leads out of their pages, of all stamps or of one. Two threads do so at once: each locks
-- the pages in the same order, and sees what the other one has left.
with page as materialized (
    select id, array(
        select case when lead_id = any(%(ids)s::bigint[]) then null else lead_id end
        from unnest(leads) with ordinality as listed (lead_id, place) order by place
    ) as leads
    from ops.page_writes
    where destination = %(destination)s and (%(stamp)s::timestamptz is null or stamp = %(stamp)s::timestamptz)
        and exists (select from unnest(leads) as listed (lead_id) where lead_id = any(%(ids)s::bigint[]))
    order by id for update
), done as (
    delete from ops.page_writes as begun using page where begun.id = page.id and array_remove(page.leads, null) = '{}'
)
update ops.page_writes as begun set leads = page.leads from page
where begun.id = page.id and array_remove(page.leads, null) <> '{}'
