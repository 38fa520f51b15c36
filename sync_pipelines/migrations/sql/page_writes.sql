-- What a push is about to write at Gestão Scouter, a row a page: a row a lead was a twentieth of the push. What a killed
-- push left in the table of before is moved. Repeatable.

-- Written before a page is sent; a lead leaves it when it was read back, and a row without leads is deleted.
create table if not exists ops.page_writes (
    id bigint generated always as identity primary key,
    destination text not null,
    -- The last_sync_at of all of them.
    stamp timestamptz not null,
    field_list uuid not null,
    -- By place: the leads, null if done; what the write dates the row, null where the destination dates its rows itself;
    -- and the hashes of its fields, sixteen characters each.
    leads bigint[] not null,
    times timestamptz[] not null,
    fields bytea not null,
    run_id text not null,
    begun_at timestamptz not null default now()
);

-- As it is, so that one lead's hashes are read without the others'.
alter table ops.page_writes alter column fields set storage external;

do $$
begin
    if to_regclass('ops.lead_writes') is not null then
        insert into ops.page_writes (destination, stamp, field_list, leads, times, fields, run_id, begun_at)
        select destination, stamp, field_list, array[lead_id], array[updated_at], fields::bytea, run_id, begun_at
        from ops.lead_writes;
        drop table ops.lead_writes;
    end if;
end
$$;
