-- The tables that steer and report the export of leads (contract of the lead push, section 4), where the application
-- does not have them; row security on those that hold snapshots of leads; what our side of a job has to remember.
-- Additive and repeatable. The table of leads is the application's own and gets two indexes.

create schema if not exists sync_private;

do $$
begin
    if to_regclass('public.leads') is null then
        raise exception 'public.leads is not there: TABULADORMAX_DATABASE_URL has to name the TabuladorMax project';
    end if;
end
$$;

create table if not exists public.gestao_scouter_export_jobs (
    id uuid primary key default gen_random_uuid(),
    status text not null default 'pending'
        check (status in ('pending', 'running', 'paused', 'completed', 'failed')),
    start_date date not null,
    end_date date,
    processing_date date,
    last_completed_date date,
    total_leads integer default 0,
    exported_leads integer default 0,
    error_leads integer default 0,
    pause_reason text,
    paused_at timestamptz,
    started_at timestamptz,
    completed_at timestamptz,
    created_by uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    fields_selected text[],
    field_mappings jsonb
);

create table if not exists public.gestao_scouter_export_errors (
    id uuid primary key default gen_random_uuid(),
    job_id uuid not null references public.gestao_scouter_export_jobs (id) on delete cascade,
    lead_id bigint,
    lead_snapshot jsonb not null,
    fields_sent jsonb not null,
    error_message text not null,
    error_details jsonb,
    response_status integer,
    response_body jsonb,
    ignored_fields text[],
    created_at timestamptz default now()
);

create table if not exists public.gestao_scouter_field_mappings (
    id uuid primary key default gen_random_uuid(),
    name text not null unique,
    mappings jsonb not null,
    is_default boolean default false,
    created_by uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create table if not exists public.sync_events (
    id uuid primary key default gen_random_uuid(),
    event_type text not null check (event_type in ('create', 'update', 'delete')),
    direction text not null check (direction in ('bitrix_to_supabase', 'supabase_to_bitrix', 'csv_import',
        'csv_to_supabase', 'supabase_to_gestao_scouter', 'gestao_scouter_to_supabase')),
    lead_id bigint not null,
    status text not null check (status in ('success', 'error', 'pending')),
    error_message text,
    sync_duration_ms integer,
    created_at timestamptz default now(),
    field_mappings jsonb,
    fields_synced_count integer
);

-- What the table does not say of a job: its runs, the watermark of its range, and where in a day it stands.
create table if not exists sync_private.export_progress (
    job_id uuid primary key references public.gestao_scouter_export_jobs (id) on delete cascade,
    run_ids text[] not null default '{}',
    attempts integer not null default 0,
    watermark timestamptz not null,
    phase text not null default 'days' check (phase in ('days', 'undated', 'catch_up', 'done')),
    cursor_at timestamptz,
    cursor_id bigint,
    options jsonb not null default '{}',
    unproved date[] not null default '{}',
    updated_at timestamptz not null default now()
);

create index if not exists idx_leads_updated_at on public.leads (updated_at, id);
create index if not exists idx_leads_criado on public.leads (criado);
create index if not exists idx_gestao_scouter_export_jobs_status
    on public.gestao_scouter_export_jobs (status, created_at);
create index if not exists idx_gestao_scouter_export_errors_job
    on public.gestao_scouter_export_errors (job_id, created_at);
create index if not exists idx_gestao_scouter_export_errors_created_at
    on public.gestao_scouter_export_errors (created_at);

alter table public.gestao_scouter_export_jobs enable row level security;
alter table public.gestao_scouter_export_errors enable row level security;

revoke all on schema sync_private from public;

do $$
declare
    published text;
    reader text;
begin
    foreach reader in array array['anon', 'authenticated'] loop
        if to_regrole(reader) is not null then
            execute format('revoke all on schema sync_private from %I', reader);
        end if;
    end loop;
    foreach published in array array['gestao_scouter_export_jobs', 'gestao_scouter_export_errors'] loop
        execute format('revoke all on public.%I from public', published);
        if to_regrole('anon') is not null then
            execute format('revoke all on public.%I from anon', published);
        end if;
        if to_regrole('authenticated') is not null then
            execute format('revoke all on public.%I from authenticated', published);
            execute format('grant select on public.%I to authenticated', published);
            if not exists (
                select from pg_policies
                where schemaname = 'public' and tablename = published and policyname = published || '_read'
            ) then
                execute format(
                    'create policy %I on public.%I for select to authenticated using (true)',
                    published || '_read', published
                );
            end if;
        end if;
        if to_regrole('service_role') is not null then
            execute format('grant select, insert, update, delete on public.%I to service_role', published);
        end if;
    end loop;
end
$$;
