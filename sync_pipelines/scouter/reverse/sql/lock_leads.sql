-- Whoever writes these leads waits, so that what is decided next is still true when it is written.
select from public.leads where id in (select lead_id from staged) order by id for update
