-- What only the project that loads the DRE has: every line of both reports, the budget, the monthly summary.

create table if not exists public.dre_orcado (
    id bigserial primary key,
    execution_id text not null,
    conta text,
    descricao text,
    valor decimal(15, 2),
    tipo text,
    periodo text,
    empresa text,
    competencia date not null,
    ano integer not null,
    mes integer not null,
    natureza text not null,
    valor_exato numeric not null,
    tipo_comercial text,
    cliente text,
    linha_negocio text,
    codigo_projeto text,
    projeto text,
    filial_faturamento text,
    imposto numeric,
    line_hash uuid not null,
    occurrence integer not null,
    created_at timestamptz not null default now()
);

create unique index if not exists uq_dre_orcado_line on public.dre_orcado (competencia, line_hash, occurrence);

create table if not exists public.dre_summary (
    competencia date primary key,
    ano integer not null,
    mes integer not null,
    linhas integer not null,
    receita numeric(17, 2) not null,
    custo numeric(17, 2) not null,
    desoneracao numeric(17, 2) not null,
    margem numeric(17, 2) not null,
    margem_percentual numeric not null,
    linhas_orcadas integer not null,
    receita_orcada numeric(17, 2) not null,
    custo_orcado numeric(17, 2) not null,
    desoneracao_orcada numeric(17, 2) not null,
    margem_orcada numeric(17, 2) not null,
    margem_percentual_orcada numeric not null,
    execution_id text not null,
    updated_at timestamptz not null default now()
);

-- Both reports, every column of the workbook. Employee names are in here, hence the private schema.
create table if not exists sync_private.dre_lines (
    competencia date not null,
    line_hash uuid not null,
    occurrence integer not null,
    relatorio text not null,
    tipo text,
    cliente text,
    linha_negocio text,
    responsavel_area text,
    responsavel_delivery text,
    responsavel_devengado text,
    id_homs text,
    codigo_projeto text,
    projeto text,
    filial_faturamento text,
    imposto numeric,
    conta_resumo text not null,
    denominacao_conta text,
    id_recurso bigint,
    recurso text,
    lancamento numeric not null,
    valor decimal(15, 2) not null,
    periodo text not null,
    natureza text not null,
    conta text not null,
    execution_id text not null,
    loaded_at timestamptz not null default now(),
    primary key (competencia, line_hash, occurrence)
);

alter table public.dre_orcado enable row level security;
alter table public.dre_summary enable row level security;

do $$
declare
    published text;
begin
    if exists (select from pg_roles where rolname = 'anon') then
        revoke all on public.dre_orcado, public.dre_summary from anon;
        revoke all on sequence public.dre_orcado_id_seq from anon;
    end if;
    revoke all on public.dre_orcado, public.dre_summary from public;
    if exists (select from pg_roles where rolname = 'authenticated') then
        revoke all on public.dre_orcado, public.dre_summary from authenticated;
        grant select on public.dre_orcado, public.dre_summary to authenticated;
        foreach published in array array['dre_orcado', 'dre_summary'] loop
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
        grant select, insert, update, delete on public.dre_orcado, public.dre_summary to service_role;
        grant usage, select on sequence public.dre_orcado_id_seq to service_role;
    end if;
end
$$;
