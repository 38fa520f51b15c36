-- What a sync of segments needs beside the application's own tables (contract of SprintHub, section 5).
-- Additive and repeatable. Of the application's tables the leads get two columns, the control table its uniqueness.

create schema if not exists sync_private;

do $$
begin
    if to_regclass('api.leads') is null then
        raise exception 'api.leads is not there: OFICIALMED_DATABASE_URL has to name the project with the leads';
    end if;
end
$$;

create table if not exists public.sync_segments_control (
    id serial primary key,
    segment_id integer not null,
    last_execution timestamptz,
    next_execution timestamptz,
    status text default 'active',
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create table if not exists public.sync_segments_logs (
    id serial primary key,
    segment_id integer not null,
    execution_time timestamptz default now(),
    status text not null,
    message text,
    stats jsonb,
    duration_seconds numeric,
    success_rate numeric
);

create index if not exists idx_sync_segments_logs_segment
    on public.sync_segments_logs (segment_id, execution_time desc, id desc);

-- The segment that last listed the lead, and the fields of the CRM for which the table has no column.
alter table api.leads add column if not exists segmento integer;
alter table api.leads add column if not exists extra jsonb;

-- What the control table does not say of a segment: its newest complete list, and whether all its details are to be
-- read again (details from before `full_since` are).
create table if not exists sync_private.segments (
    segment_id integer primary key,
    listed_at timestamptz,
    total integer,
    gate text,
    full_since timestamptz
);

-- The newest complete list of each segment; `list_hash` is the md5 of what the list says of a lead.
create table if not exists sync_private.segment_leads (
    segment_id integer not null,
    lead_id bigint not null,
    list_hash uuid not null,
    primary key (segment_id, lead_id)
);

-- Which lead was in which segment and when; `left_at` is null while it is in.
create table if not exists sync_private.segment_membership (
    segment_id integer not null,
    lead_id bigint not null,
    entered_at timestamptz not null,
    left_at timestamptz,
    primary key (segment_id, lead_id, entered_at)
);

create unique index if not exists segment_membership_current
    on sync_private.segment_membership (segment_id, lead_id) where left_at is null;
create index if not exists segment_membership_lead on sync_private.segment_membership (lead_id);

-- When the details of a lead were last read, for which list item, and the md5 of the row as they left it.
create table if not exists sync_private.lead_details (
    lead_id bigint primary key,
    list_hash uuid,
    content_hash uuid not null,
    detailed_at timestamptz not null,
    run_id text not null
);

revoke all on schema sync_private from public;

do $$
declare
    reader text;
begin
    foreach reader in array array['anon', 'authenticated'] loop
        if to_regrole(reader) is not null then
            execute format('revoke all on schema sync_private from %I', reader);
        end if;
    end loop;
end
$$;
