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

-- The application writes to these tables: whoever uses one is not made to wait behind us.
set local lock_timeout = '5s';

-- Where the application does not have them nobody but us uses them, and they are closed to the API.
do $$
begin
    if to_regclass('public.sync_segments_control') is null then
        create table public.sync_segments_control (
            id serial primary key,
            segment_id integer not null,
            last_execution timestamptz,
            next_execution timestamptz,
            status text default 'active',
            created_at timestamptz default now(),
            updated_at timestamptz default now()
        );
        alter table public.sync_segments_control enable row level security;
    end if;
    if to_regclass('public.sync_segments_logs') is null then
        create table public.sync_segments_logs (
            id serial primary key,
            segment_id integer not null,
            execution_time timestamptz default now(),
            status text not null,
            message text,
            stats jsonb,
            duration_seconds numeric,
            success_rate numeric
        );
        alter table public.sync_segments_logs enable row level security;
    end if;
end
$$;

create index if not exists idx_sync_segments_logs_segment
    on public.sync_segments_logs (segment_id, execution_time desc, id desc);

-- A unique index or key under another name does the same. Rows that repeat were refused before.
do $$
declare
    wanted record;
begin
    for wanted in
        values ('public.sync_segments_control', 'segment_id', 'uq_sync_segments_control_segment'),
            ('api.leads', 'id', 'uq_leads_id')
    loop
        continue when exists (
            select from pg_index
            where indrelid = wanted.column1::regclass
                and indisunique and indisvalid and indpred is null and indexprs is null
                and array(
                    select attname::text from pg_attribute where attrelid = indrelid and attnum = any(indkey)
                ) = array[wanted.column2]
        );
        execute format(
            'create unique index if not exists %I on %s (%I)', wanted.column3, wanted.column1, wanted.column2
        );
    end loop;
end
$$;

-- The segment that last listed the lead, and the fields of the CRM for which the table has no column. The others are
-- the custom fields of the contract (section 5.1), should the table lack one.
alter table api.leads
    add column if not exists segmento integer,
    add column if not exists extra jsonb,
    add column if not exists numero_entrega text,
    add column if not exists rua_entrega text,
    add column if not exists capital_de_investimento text,
    add column if not exists data_recompra date,
    add column if not exists tipo_de_compra text,
    add column if not exists pedidos_shopify text,
    add column if not exists categoria text,
    add column if not exists classificacao_google text,
    add column if not exists grau_de_interesse text,
    add column if not exists star_score text,
    add column if not exists avaliacao_atendente text,
    add column if not exists avaliacao_atendimento text,
    add column if not exists origem text,
    add column if not exists origem_manipulacao text,
    add column if not exists lista_de_origem text,
    add column if not exists criativo text,
    add column if not exists plataforma text,
    add column if not exists redes_sociais text,
    add column if not exists site text,
    add column if not exists atendente text,
    add column if not exists atendente_atual text,
    add column if not exists feedback text,
    add column if not exists observacao text,
    add column if not exists observacoes_do_lead text,
    add column if not exists comportamento_da_ia text,
    add column if not exists retorno text,
    add column if not exists prescritor text,
    add column if not exists produto text,
    add column if not exists drograria text,
    add column if not exists mes_que_entrou text,
    add column if not exists data_de_nascimento date,
    add column if not exists data_do_contato date,
    add column if not exists cpf text,
    add column if not exists rg text,
    add column if not exists arquivo_receita text,
    add column if not exists id_t56 text,
    add column if not exists empresa text,
    add column if not exists sexo text,
    add column if not exists objetivos_do_cliente text,
    add column if not exists perfil_do_cliente text,
    add column if not exists recebedor text,
    add column if not exists whatsapp_remote_lid text,
    add column if not exists status text,
    add column if not exists sh_status text;

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
