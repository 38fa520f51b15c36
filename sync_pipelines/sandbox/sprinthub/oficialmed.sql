-- The project `oficialmed` as its application made it (contract of SprintHub, section 5): leads, control, log.

create schema if not exists api;
grant usage on schema public, api to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges in schema api grant all on tables to anon, authenticated, service_role;

-- The 80 columns; `drograria` is spelled so.
create table api.leads (
    id bigint primary key,
    firstname text,
    lastname text,
    email text,
    phone text,
    whatsapp text,
    mobile text,
    photo_url text,
    address text,
    city text,
    state text,
    country text,
    zipcode text,
    timezone text,
    bairro text,
    complemento text,
    numero_entrega text,
    rua_entrega text,
    company text,
    points integer default 0,
    owner integer,
    stage text,
    preferred_locale text,
    user_access jsonb,
    department_access jsonb,
    ignore_sub_departments boolean default false,
    create_date timestamptz,
    updated_date timestamptz,
    last_active timestamptz,
    created_by bigint,
    created_by_name text,
    created_by_type text,
    updated_by integer,
    updated_by_name text,
    archived boolean default false,
    third_party_data jsonb,
    capital_de_investimento text,
    data_recompra date,
    tipo_de_compra text,
    pedidos_shopify text,
    categoria text,
    classificacao_google text,
    grau_de_interesse text,
    star_score text,
    avaliacao_atendente text,
    avaliacao_atendimento text,
    qualificacao_callix text,
    origem text,
    origem_manipulacao text,
    lista_de_origem text,
    criativo text,
    plataforma text,
    redes_sociais text,
    site text,
    atendente text,
    atendente_atual text,
    feedback text,
    observacao text,
    observacoes_do_lead text,
    comportamento_da_ia text,
    retorno text,
    prescritor text,
    produto text,
    drograria text,
    mes_que_entrou text,
    data_de_nascimento date,
    data_do_contato date,
    cpf text,
    rg text,
    arquivo_receita text,
    id_t56 text,
    empresa text,
    sexo text,
    objetivos_do_cliente text,
    perfil_do_cliente text,
    recebedor text,
    whatsapp_remote_lid text,
    status text,
    sh_status text,
    synced_at timestamptz default now()
);

-- What was added later by hand: the segment, and what the dialler writes.
alter table api.leads
    add column segmento integer,
    add column enviado_callix boolean default false,
    add column data_envio_callix timestamptz,
    add column callix_id varchar(255),
    add column status_callix varchar(50),
    add column id_sprinthub bigint;

create index idx_leads_email on api.leads (email);
create index idx_leads_phone on api.leads (phone);
create index idx_leads_whatsapp on api.leads (whatsapp);
create index idx_leads_mobile on api.leads (mobile);
create index idx_leads_firstname on api.leads (firstname);
create index idx_leads_lastname on api.leads (lastname);
create index idx_leads_create_date on api.leads (create_date);
create index idx_leads_synced_at on api.leads (synced_at);
create index idx_leads_archived on api.leads (archived);

-- Found in the wild: whoever has the public key of the site can read and change every lead.
alter table api.leads enable row level security;
create policy "Permitir leitura de leads" on api.leads for select using (true);
create policy "Permitir inserção de leads" on api.leads for insert with check (true);
create policy "Permitir atualização de leads" on api.leads for update using (true) with check (true);

create table public.sync_segments_control (
    id serial primary key,
    segment_id integer not null,
    last_execution timestamptz,
    next_execution timestamptz,
    status text default 'active', -- active, paused, error
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create table public.sync_segments_logs (
    id serial primary key,
    segment_id integer not null,
    execution_time timestamptz default now(),
    status text not null, -- success, error
    message text,
    stats jsonb,
    duration_seconds numeric,
    success_rate numeric
);

-- Nothing in the application calls it.
create function public.log_sync_execution(
    p_segment_id integer, p_status text, p_message text default null, p_stats jsonb default null,
    p_duration numeric default null, p_success_rate numeric default null
) returns void language sql as $$
    insert into public.sync_segments_logs (segment_id, status, message, stats, duration_seconds, success_rate)
    values (p_segment_id, p_status, p_message, p_stats, p_duration, p_success_rate)
$$;

-- The neighbours (contract, section 5.5).
create table public.segmento (
    id bigint primary key,
    name text,
    alias text,
    is_published boolean,
    create_date timestamptz,
    category_id bigint,
    category_title text,
    total_leads integer,
    last_lead_update timestamptz
);

create table public.segmento_lead (
    id bigserial primary key,
    segmento_id bigint not null,
    lead_id bigint not null,
    created_at timestamptz default now(),
    unique (segmento_id, lead_id)
);
