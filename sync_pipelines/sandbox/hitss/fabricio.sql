-- The fabricio project as the requirement leaves it (sections 6.1 and 7.1), with Supabase's default privileges.
grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;

create table public.dre_hitss (
    id bigserial primary key,
    execution_id text not null,
    conta text,
    descricao text,
    valor decimal(15, 2),
    tipo text,
    periodo text,
    empresa text,
    sync_source varchar(50) default 'local',
    last_sync_at timestamptz,
    sync_hash varchar(64),
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create table public.automation_executions (
    id uuid primary key default gen_random_uuid(),
    status varchar(20) not null check (status in ('running', 'completed', 'failed')),
    started_at timestamptz not null,
    completed_at timestamptz,
    records_processed integer default 0,
    records_failed integer default 0,
    error_message text,
    execution_details jsonb,
    created_at timestamptz default now()
);

create table public.system_logs (
    id uuid primary key default gen_random_uuid(),
    level varchar(10) not null check (level in ('DEBUG', 'INFO', 'WARN', 'ERROR')),
    message text not null,
    context jsonb,
    source varchar(100),
    execution_id text,
    created_at timestamptz default now()
);

create index idx_dre_hitss_execution_id on dre_hitss (execution_id);
create index idx_dre_hitss_empresa on dre_hitss (empresa);
create index idx_dre_hitss_periodo on dre_hitss (periodo);
create index idx_dre_hitss_created_at on dre_hitss (created_at desc);
create index idx_dre_hitss_sync_source on dre_hitss (sync_source);
create index idx_automation_executions_status on automation_executions (status);
create index idx_automation_executions_started_at on automation_executions (started_at desc);

grant select, insert, update, delete on dre_hitss, automation_executions to authenticated, service_role;

-- What the old jobs left behind: an execution that never ended.
insert into automation_executions (status, started_at, execution_details)
values ('running', now() - interval '3 days', '{"function": "hitss-automation"}');
