-- Gestão Scouter on 21 October 2025 (contract of the lead push, section 1): 49 columns in this order, only id is
-- required, and numbers of its own come from a sequence that knows nothing of the CRM's.

create table public.scouter_profiles (
    id bigserial primary key,
    nome text not null
);

insert into public.scouter_profiles (nome) select 'Scouter ' || n from generate_series(1, 8) as n;

create table public.leads (
    id bigserial primary key,
    nome text,
    age integer,
    telefone text,
    email text,
    scouter text,
    scouter_id bigint references public.scouter_profiles (id),
    commercial_project_id text,
    criado timestamptz default now(),
    updated_at timestamptz default now(),
    valor_ficha numeric(10, 2),
    aprovado boolean,
    deleted boolean default false,
    etapa text,
    local_abordagem text,
    ficha_confirmada text,
    presenca_confirmada boolean,
    compareceu boolean,
    supervisor text,
    sync_source text,
    sync_status text,
    last_sync_at timestamptz,
    analisado_por uuid references auth.users (id),
    analisado_em timestamptz,
    latitude double precision,
    longitude double precision,
    localizacao text,
    foto text,
    projeto text,
    local_da_abordagem text,
    raw jsonb,
    celular text,
    telefone_casa text,
    telefone_trabalho text,
    etapa_fluxo text,
    etapa_funil text,
    status_fluxo text,
    status_tabulacao text,
    cadastro_existe_foto boolean default false,
    data_criacao_ficha timestamptz,
    data_confirmacao_ficha timestamptz,
    horario_agendamento text,
    fonte text,
    nome_modelo text,
    op_telemarketing text,
    maxsystem_id_ficha text,
    responsible text,
    responsible_user_id uuid,
    date_modify timestamptz
);

alter table public.leads enable row level security;
create policy "service_role_full_access_leads" on public.leads for all to service_role using (true) with check (true);

create function public.notify_pgrst_reload() returns void language plpgsql security definer as $$
begin
    notify pgrst, 'reload schema';
end
$$;
