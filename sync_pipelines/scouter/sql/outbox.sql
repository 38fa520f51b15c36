-- The reverse sync by an outbox, optional, without HTTP from the database: each change that people make in Gestão
-- Scouter is stored in the transaction that makes it, and a reader with the service key fetches it. Run this file in
-- the SQL editor of Gestão Scouter. It may be run again and keeps the stored changes. Use it or webhook_trigger.sql,
-- not both.
--
-- To install: run this file. The reader calls sync_read_lead_changes, stores what it got, remembers the last
-- change_id, and then calls sync_forget_lead_changes with it. While nobody reads, the table grows.
--
-- To remove:
--   drop trigger if exists sync_outbox on public.leads;
--   drop function if exists public.sync_read_lead_changes(bigint, integer);
--   drop function if exists public.sync_forget_lead_changes(bigint);
--   drop schema if exists sync_outbox cascade;

-- PostgREST shows the schema public only: the changes are reached through the two functions there.
create schema if not exists sync_outbox;
revoke all on schema sync_outbox from public, anon, authenticated, service_role;

-- `id` is drawn when a change is written, and a later one may be committed earlier: a reader that has seen 6 would
-- never see 5. To wait until the transactions of what is read are over (pg_snapshot_xmin) does not help, as
-- transactions begin in another order than that in which they draw ids. So a change gets a second number,
-- `change_id`, on the day it is first read: only what is committed gets one, and what comes late gets a later one.
-- Of one lead the order is kept: the second writer of a row waits for the first to commit before it draws its id.
create table if not exists sync_outbox.lead_changes (
    id bigint generated always as identity primary key,
    change_id bigint unique,
    operation text not null check (operation in ('insert', 'update')),
    changed_at timestamptz not null default clock_timestamp(),
    lead jsonb not null
);

create index if not exists lead_changes_unread on sync_outbox.lead_changes (id) where change_id is null;

-- The last change_id given: one row, which also makes two readers wait for each other.
create table if not exists sync_outbox.last_change (
    only_row boolean primary key default true check (only_row),
    change_id bigint not null
);

insert into sync_outbox.last_change (change_id) values (0) on conflict do nothing;

-- No failure is swallowed here: a change is written down together with the lead, or neither is.
create or replace function sync_outbox.note_change() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    -- Columns that describe the sync and not the lead. Names that this table lacks do no harm.
    bookkeeping constant text[] := array[
        'sync_source', 'sync_status', 'last_sync_at', 'updated_at',
        'modificado', 'origem_sincronizacao', 'ultima_sincronizacao'
    ];
    lead constant jsonb := to_jsonb(new);
    before jsonb;
    is_marked boolean;
begin
    -- sync_source has many spellings: TabuladorMax, tabulador-max, tabulador_max.
    is_marked := lower(regexp_replace(coalesce(lead ->> 'sync_source', ''), '[-_[:space:]]', '', 'g'))
        in ('tabuladormax', 'supabase');
    if tg_op = 'INSERT' then
        if is_marked then
            return null;
        end if;
    else
        -- sync_source stays on a row after our push, so it alone would hide every later edit by a person. What
        -- distinguishes the two is last_sync_at: every push writes a new one, and an edit in the application leaves
        -- it as it is. A push that is repeated with the same values changes nothing, and is not stored either.
        before := to_jsonb(old);
        if is_marked and lead -> 'last_sync_at' is distinct from before -> 'last_sync_at' then
            return null;
        end if;
        if lead - bookkeeping = before - bookkeeping then
            return null;
        end if;
    end if;
    insert into sync_outbox.lead_changes (operation, lead) values (lower(tg_op), lead);
    return null;
end
$$;

revoke execute on function sync_outbox.note_change() from public, anon, authenticated, service_role;

drop trigger if exists sync_outbox on public.leads;
create trigger sync_outbox after insert or update on public.leads
for each row execute function sync_outbox.note_change();

-- The changes above `after`, at most so many, in the order of change_id; 0 begins. To ask again with the same
-- `after` gives the same changes. It writes, so it must be called by POST.
create or replace function public.sync_read_lead_changes(after bigint, at_most integer default 500)
returns table (change_id bigint, operation text, changed_at timestamptz, lead jsonb)
language plpgsql volatile security definer set search_path = '' as $$
declare
    size constant integer := greatest(1, least(at_most, 1000));
    last_given bigint;
    known integer;
    given integer;
begin
    select l.change_id into strict last_given from sync_outbox.last_change as l for update;
    if after is null or after < 0 or after > last_given then
        raise exception 'Change % was never given: the last is %. If the outbox was made anew, begin at 0.',
            after, last_given
            using errcode = 'invalid_parameter_value';
    end if;
    select count(*) into known
    from (select from sync_outbox.lead_changes as c where c.change_id > after limit size) as numbered;
    -- No more get a number than this call returns: a change with a number is a change that was read.
    with unread as (
        select c.id from sync_outbox.lead_changes as c where c.change_id is null order by c.id limit size - known
    ), placed as (
        select u.id, last_given + row_number() over (order by u.id) as place from unread as u
    )
    update sync_outbox.lead_changes as c set change_id = p.place from placed as p where c.id = p.id;
    get diagnostics given = row_count;
    update sync_outbox.last_change as l set change_id = last_given + given where given > 0;
    return query
        select c.change_id, c.operation, c.changed_at, c.lead
        from sync_outbox.lead_changes as c
        where c.change_id > after
        order by c.change_id
        limit size;
end
$$;

-- Drops the changes up to and with this one; returns how many. What nobody has read has no change_id and stays.
create or replace function public.sync_forget_lead_changes(up_to bigint) returns bigint
language plpgsql volatile security definer set search_path = '' as $$
declare
    forgotten bigint;
begin
    delete from sync_outbox.lead_changes as c where c.change_id <= up_to;
    get diagnostics forgotten = row_count;
    return forgotten;
end
$$;

revoke execute on function public.sync_read_lead_changes(bigint, integer) from public, anon, authenticated;
revoke execute on function public.sync_forget_lead_changes(bigint) from public, anon, authenticated;
grant execute on function public.sync_read_lead_changes(bigint, integer) to service_role;
grant execute on function public.sync_forget_lead_changes(bigint) to service_role;

-- The functions are called through PostgREST, which does not know of them until it looks again.
notify pgrst, 'reload schema';
