-- The requirement's tables (sections 3.1, 6.1 and 7.1), in the project that loads the DRE and in its mirror alike,
-- extended by the columns without which 22,000 lines become indistinguishable. Ours lie in a schema that PostgREST
-- does not expose. Additive and repeatable: it may meet these tables already there, with rows.

create schema if not exists sync_private;

create table if not exists public.dre_hitss (
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

alter table public.dre_hitss
    add column if not exists sync_source varchar(50) default 'local',
    add column if not exists last_sync_at timestamptz,
    add column if not exists sync_hash varchar(64),
    add column if not exists updated_at timestamptz default now(),
    add column if not exists competencia date,
    add column if not exists ano integer,
    add column if not exists mes integer,
    add column if not exists natureza text,
    add column if not exists valor_exato numeric,
    add column if not exists tipo_comercial text,
    add column if not exists cliente text,
    add column if not exists linha_negocio text,
    add column if not exists codigo_projeto text,
    add column if not exists projeto text,
    add column if not exists id_homs text,
    add column if not exists filial_faturamento text,
    add column if not exists imposto numeric,
    add column if not exists line_hash uuid,
    add column if not exists occurrence integer;

create index if not exists idx_dre_hitss_execution_id on public.dre_hitss (execution_id);
create index if not exists idx_dre_hitss_empresa on public.dre_hitss (empresa);
create index if not exists idx_dre_hitss_periodo on public.dre_hitss (periodo);
create index if not exists idx_dre_hitss_created_at on public.dre_hitss (created_at desc);
create index if not exists idx_dre_hitss_sync_source on public.dre_hitss (sync_source);
create unique index if not exists uq_dre_hitss_line on public.dre_hitss (competencia, line_hash, occurrence);

-- Rows of public.dre_hitss that are not this pipeline's and that a person chose to set aside.
create table if not exists sync_private.dre_hitss_set_aside (
    set_aside_at timestamptz not null default now(),
    execution_id text not null,
    row_id text,
    row_data jsonb not null
);

create table if not exists public.automation_executions (
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

alter table public.automation_executions
    add column if not exists created_at timestamptz default now();

create index if not exists idx_automation_executions_status on public.automation_executions (status);
create index if not exists idx_automation_executions_started_at on public.automation_executions (started_at desc);

create table if not exists public.system_logs (
    id uuid primary key default gen_random_uuid(),
    level varchar(10) not null check (level in ('DEBUG', 'INFO', 'WARN', 'ERROR')),
    message text not null,
    context jsonb,
    source varchar(100),
    execution_id text,
    created_at timestamptz default now()
);

create index if not exists idx_system_logs_level on public.system_logs (level);
create index if not exists idx_system_logs_created_at on public.system_logs (created_at desc);
create index if not exists idx_system_logs_execution_id on public.system_logs (execution_id);

do $$
begin
    -- An application may own a function of this name already: keep its version.
    if to_regprocedure('public.update_updated_at_column()') is null then
        create function public.update_updated_at_column() returns trigger language plpgsql as $body$
        begin
            new.updated_at = now();
            return new;
        end
        $body$;
    end if;
    if not exists (
        select from pg_trigger
        where tgrelid = 'public.dre_hitss'::regclass and tgname = 'update_dre_hitss_updated_at'
    ) then
        create trigger update_dre_hitss_updated_at before update on public.dre_hitss
            for each row execute function public.update_updated_at_column();
    end if;
end
$$;

alter table public.dre_hitss enable row level security;
alter table public.automation_executions enable row level security;
alter table public.system_logs enable row level security;

revoke all on schema sync_private from public;

do $$
declare
    published text;
begin
    -- Supabase's default privileges give new tables of `public` to anon: take that back.
    if exists (select from pg_roles where rolname = 'anon') then
        revoke all on public.dre_hitss, public.automation_executions, public.system_logs from anon;
        revoke all on schema sync_private from anon;
    end if;
    revoke all on public.dre_hitss, public.automation_executions, public.system_logs from public;
    if exists (select from pg_roles where rolname = 'authenticated') then
        -- They also give TRUNCATE, which no policy stops.
        revoke all on public.dre_hitss, public.automation_executions, public.system_logs from authenticated;
        revoke all on schema sync_private from authenticated;
        grant select, insert, update, delete on public.dre_hitss, public.automation_executions to authenticated;
        -- Without a policy the grant reads zero rows; without a policy for writes nobody but the
        -- service role writes.
        foreach published in array array['dre_hitss', 'automation_executions'] loop
            if not exists (
                select from pg_policies
                where schemaname = 'public' and tablename = published and policyname = published || '_read'
            ) then
                execute format(
                    'create policy %I on public.%I for select to authenticated using (true)',
                    published || '_read', published
                );
            end if;
        end loop;
    end if;
    if exists (select from pg_roles where rolname = 'service_role') then
        grant select, insert, update, delete on public.dre_hitss, public.automation_executions, public.system_logs
            to service_role;
        grant usage, select on all sequences in schema public to service_role;
    end if;
end
$$;
