-- TabuladorMax on 21 October 2025 (contract of the lead push, sections 2 and 4): leads, and the tables that steer
-- and report the export. There is no index on updated_at or criado.

create table public.commercial_projects (
    id uuid primary key,
    name text not null
);

insert into public.commercial_projects (id, name)
select md5('projeto-' || n)::uuid, 'Seletiva ' || n from generate_series(0, 5) as n;

create table public.leads (
    id bigint primary key,
    name text,
    responsible text,
    age integer,
    address text,
    scouter text,
    photo_url text,
    date_modify timestamptz,
    raw jsonb,
    updated_at timestamptz default now(),
    bitrix_telemarketing_id integer,
    commercial_project_id uuid references public.commercial_projects (id),
    responsible_user_id uuid references auth.users (id),
    celular text,
    telefone_trabalho text,
    telefone_casa text,
    etapa text,
    fonte text,
    criado timestamptz,
    nome_modelo text,
    local_abordagem text,
    ficha_confirmada boolean default false,
    data_criacao_ficha timestamptz,
    data_confirmacao_ficha timestamptz,
    presenca_confirmada boolean default false,
    compareceu boolean default false,
    cadastro_existe_foto boolean default false,
    valor_ficha numeric(10, 2),
    data_criacao_agendamento timestamptz,
    horario_agendamento text,
    data_agendamento date,
    gerenciamento_funil text,
    status_fluxo text,
    etapa_funil text,
    etapa_fluxo text,
    funil_fichas text,
    status_tabulacao text,
    maxsystem_id_ficha text,
    gestao_scouter text,
    op_telemarketing text,
    data_retorno_ligacao timestamptz,
    last_sync_at timestamptz,
    sync_source text check (sync_source in ('bitrix', 'supabase', 'gestao_scouter', 'csv')),
    sync_status text check (sync_status in ('synced', 'syncing', 'error', 'pending')),
    sync_error text
);

-- Whatever an update says of updated_at, it becomes the time of the update: an import dates the whole table anew.
create function public.update_updated_at_column() returns trigger language plpgsql as $$
begin
    new.updated_at = now();
    return new;
end
$$;

create trigger update_leads_updated_at before update on public.leads
for each row execute function public.update_updated_at_column();

alter table public.leads enable row level security;
create policy "Leads podem ser lidos por todos" on public.leads for select using (true);

create table public.gestao_scouter_export_jobs (
    id uuid primary key default gen_random_uuid(),
    status text not null default 'pending' check (status in ('pending', 'running', 'paused', 'completed', 'failed')),
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

create table public.gestao_scouter_export_errors (
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

create table public.gestao_scouter_config (
    id uuid primary key default gen_random_uuid(),
    project_url text not null,
    anon_key text not null,
    active boolean not null default true,
    sync_enabled boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- Found in the wild: whoever has the public key of the site reads the service key that anon_key holds.
alter table public.gestao_scouter_config enable row level security;
create policy "Permitir leitura da configuração" on public.gestao_scouter_config for select using (true);

-- What the screen saved; the key lies elsewhere by now.
insert into public.gestao_scouter_config (project_url, anon_key) values ('https://gestao.example.com', 'guardada fora daqui');

create table public.gestao_scouter_field_mappings (
    id uuid primary key default gen_random_uuid(),
    name text not null unique,
    mappings jsonb not null,
    is_default boolean default false,
    created_by uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

-- As the old screen saved it: the prefix names no column, and every field of it was lost in silence.
insert into public.gestao_scouter_field_mappings (name, mappings) values
('Mapeamento da tela antiga', '{"nome": "tab_name", "foto": "tab_photo_url", "age": "tab_age"}');

create table public.sync_events (
    id uuid primary key default gen_random_uuid(),
    event_type text not null check (event_type in ('create', 'update', 'delete')),
    direction text not null check (
        direction in (
            'bitrix_to_supabase', 'supabase_to_bitrix', 'csv_import', 'csv_to_supabase',
            'supabase_to_gestao_scouter', 'gestao_scouter_to_supabase'
        )
    ),
    lead_id bigint not null,
    status text not null check (status in ('success', 'error', 'pending')),
    error_message text,
    sync_duration_ms integer,
    created_at timestamptz default now(),
    field_mappings jsonb,
    fields_synced_count integer
);

alter table public.sync_events enable row level security;
create policy "Eventos podem ser lidos por todos" on public.sync_events for select using (true);

create function public.get_leads_table_columns()
returns table (column_name text, data_type text, is_nullable text)
language sql stable security definer set search_path = public as $$
    select c.column_name::text, c.data_type::text, c.is_nullable::text
    from information_schema.columns as c
    where c.table_schema = 'public' and c.table_name = 'leads'
    order by c.ordinal_position
$$;

-- Its list holds a column that has never been there, so that it never finds the table valid.
create function public.validate_leads_schema() returns jsonb
language plpgsql security definer set search_path = public as $$
declare
    expected text[] := array[
        'id', 'name', 'age', 'celular', 'responsible', 'scouter', 'etapa', 'criado', 'updated_at', 'valor_ficha',
        'ficha_confirmada', 'commercial_project_id', 'sync_source', 'sync_status', 'last_sync_at', 'data_sincronizacao'
    ];
    missing text[];
begin
    select coalesce(array_agg(name), '{}') into missing
    from unnest(expected) as name
    where name not in (select c.column_name from get_leads_table_columns() as c);
    return jsonb_build_object(
        'valid', cardinality(missing) = 0, 'missing_columns', to_jsonb(missing),
        'total_expected', cardinality(expected), 'total_missing', cardinality(missing), 'checked_at', now()
    );
end
$$;
