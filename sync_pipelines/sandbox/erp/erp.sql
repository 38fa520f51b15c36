-- The project `erp` as its application made it (contract of the ERPs, section 2): connections, logs, imports, analyses.

grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;

create type public.erp_type as enum ('omie', 'bling', 'contaazul', 'tiny', 'sankhya', 'totvs');
create type public.erp_connection_status as enum ('active', 'inactive', 'error', 'pending');
-- 'auto' and 'manual' came later than the others.
create type public.erp_sync_type as enum ('nfe', 'nfse', 'produtos', 'financeiro', 'empresa', 'full', 'auto', 'manual');
create type public.erp_sync_status as enum ('running', 'success', 'error', 'cancelled');

create function public.update_updated_at_column() returns trigger language plpgsql as $$
begin
    new.updated_at = now();
    return new;
end
$$;

-- UNIQUE (user_id) was dropped when a user could have several companies.
create table public.company_profile (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    cnpj_principal text,
    razao_social text,
    nome_fantasia text,
    cnae_principal text,
    cnae_secundarios text[],
    setor text,
    segmento text,
    porte text,
    faturamento_anual numeric(15, 2),
    faturamento_mensal_medio numeric(15, 2),
    regime_tributario text,
    uf_sede text,
    municipio_sede text,
    tem_estoque boolean default false,
    tem_funcionarios boolean default false,
    exporta_produtos boolean default false,
    importa_produtos boolean default false,
    is_active boolean default true,
    receita_liquida_mensal numeric(15, 2),
    dados_financeiros_origem text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create trigger update_company_profile_updated_at before update on public.company_profile
    for each row execute function public.update_updated_at_column();

create table public.erp_connections (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    company_id uuid references public.company_profile (id) on delete cascade,
    erp_type public.erp_type not null,
    connection_name text not null,
    credentials jsonb not null default '{}',
    status public.erp_connection_status not null default 'pending',
    status_message text,
    last_sync_at timestamptz,
    next_sync_at timestamptz,
    sync_config jsonb not null
        default '{"modules": ["nfe", "produtos", "financeiro", "empresa"], "frequency_hours": 24, "auto_sync": true}',
    metadata jsonb default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (user_id, erp_type)
);
create trigger update_erp_connections_updated_at before update on public.erp_connections
    for each row execute function public.update_updated_at_column();

create table public.erp_sync_logs (
    id uuid primary key default gen_random_uuid(),
    connection_id uuid not null references public.erp_connections (id) on delete cascade,
    user_id uuid not null,
    company_id uuid references public.company_profile (id) on delete cascade,
    sync_type public.erp_sync_type not null,
    status public.erp_sync_status not null default 'running',
    records_synced integer default 0,
    records_failed integer default 0,
    error_message text,
    details jsonb default '{}',
    started_at timestamptz not null default now(),
    completed_at timestamptz
);
create index idx_erp_sync_logs_connection on public.erp_sync_logs (connection_id, started_at desc);

create table public.xml_imports (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    company_id uuid references public.company_profile (id) on delete cascade,
    file_name text not null,
    file_size integer not null,
    file_path text not null,
    status text not null default 'PENDING' check (status in ('PENDING', 'PROCESSING', 'COMPLETED', 'ERROR')),
    error_message text,
    processed_at timestamptz,
    batch_id text,
    created_at timestamptz not null default now()
);

create table public.xml_analysis (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    import_id uuid references public.xml_imports (id) on delete cascade,
    xml_type text not null,
    document_number text,
    document_series text,
    issue_date timestamptz,
    issuer_cnpj text,
    issuer_name text,
    recipient_cnpj text,
    recipient_name text,
    items_count integer default 0,
    document_total numeric(15, 2) default 0,
    current_tax_total numeric(15, 2) default 0,
    reform_tax_total numeric(15, 2) default 0,
    difference_value numeric(15, 2) default 0,
    difference_percent numeric(5, 2) default 0,
    raw_data jsonb,
    analysis_data jsonb,
    current_taxes jsonb,
    reform_taxes jsonb,
    created_at timestamptz not null default now()
);

create table public.company_ncm_analysis (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    company_id uuid references public.company_profile (id) on delete cascade,
    product_name text not null,
    ncm_code text not null,
    status text not null default 'pendente'
        check (status in ('ok', 'revisar_ncm', 'revisar_tributacao', 'incompleto', 'pendente')),
    reason text,
    suggested_action text,
    revenue_percentage numeric default 0,
    cfops_frequentes text[] default '{}',
    tipo_operacao text default 'misto',
    qtd_operacoes integer default 0,
    alerta_cfop text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table public.credit_rules (
    id uuid primary key default gen_random_uuid(),
    rule_code text not null unique,
    rule_name text not null,
    tax_type text not null,
    is_active boolean default true
);
insert into public.credit_rules (rule_code, rule_name, tax_type) values
    ('PIS_COFINS_INSUMOS', 'Créditos de PIS/COFINS sobre insumos', 'PIS/COFINS'),
    ('ICMS_ST_RESSARCIMENTO', 'Ressarcimento de ICMS-ST', 'ICMS-ST'),
    ('ICMS_CREDITO', 'Crédito de ICMS não aproveitado', 'ICMS'),
    ('IPI_CREDITO', 'Crédito de IPI não aproveitado', 'IPI');

create table public.identified_credits (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    company_id uuid references public.company_profile (id) on delete cascade,
    xml_import_id uuid references public.xml_imports (id) on delete cascade,
    rule_id uuid references public.credit_rules (id),
    nfe_key text,
    nfe_number text,
    nfe_date date,
    supplier_cnpj text,
    supplier_name text,
    original_tax_value numeric(15, 2) default 0,
    credit_not_used numeric(15, 2) default 0,
    potential_recovery numeric(15, 2) default 0,
    ncm_code text,
    product_description text,
    cfop text,
    cst text,
    confidence_score integer default 0,
    confidence_level text default 'medium',
    status text default 'identified',
    validated_by uuid,
    validated_at timestamptz,
    accountant_notes text,
    created_at timestamptz default now()
);

create table public.credit_analysis_summary (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    company_id uuid references public.company_profile (id) on delete cascade,
    analysis_date date default current_date,
    period_start date,
    period_end date,
    pis_cofins_potential numeric(15, 2) default 0,
    icms_potential numeric(15, 2) default 0,
    icms_st_potential numeric(15, 2) default 0,
    ipi_potential numeric(15, 2) default 0,
    high_confidence_total numeric(15, 2) default 0,
    medium_confidence_total numeric(15, 2) default 0,
    low_confidence_total numeric(15, 2) default 0,
    total_potential numeric(15, 2) default 0,
    total_xmls_analyzed integer default 0,
    credits_found_count integer default 0,
    created_at timestamptz default now()
);

create table public.notifications (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    title text not null,
    message text not null,
    type text not null default 'info',
    category text not null default 'geral',
    action_url text,
    read boolean default false,
    created_at timestamptz default now()
);

-- What calculate-rtc keeps of each of its calls.
create table public.tax_calculations (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    input_data jsonb,
    result_data jsonb,
    created_at timestamptz default now()
);

-- The income statement: inputs of a person or of a sync, the rest by process-dre.
create table public.company_dre (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    company_id uuid references public.company_profile (id) on delete cascade,
    period_type text not null default 'monthly',
    period_month integer not null default 0,
    period_quarter integer,
    period_year integer not null,
    input_vendas_produtos numeric(15, 2) default 0,
    input_vendas_servicos numeric(15, 2) default 0,
    input_outras_receitas numeric(15, 2) default 0,
    input_devolucoes numeric(15, 2) default 0,
    input_descontos_concedidos numeric(15, 2) default 0,
    input_custo_mercadorias numeric(15, 2) default 0,
    input_custo_materiais numeric(15, 2) default 0,
    input_custo_mao_obra_direta numeric(15, 2) default 0,
    input_custo_servicos_terceiros numeric(15, 2) default 0,
    input_salarios_encargos numeric(15, 2) default 0,
    input_prolabore numeric(15, 2) default 0,
    input_aluguel numeric(15, 2) default 0,
    input_energia_agua_internet numeric(15, 2) default 0,
    input_marketing_publicidade numeric(15, 2) default 0,
    input_software_assinaturas numeric(15, 2) default 0,
    input_contador_juridico numeric(15, 2) default 0,
    input_viagens_refeicoes numeric(15, 2) default 0,
    input_manutencao_equipamentos numeric(15, 2) default 0,
    input_frete_logistica numeric(15, 2) default 0,
    input_outras_despesas numeric(15, 2) default 0,
    input_juros_pagos numeric(15, 2) default 0,
    input_juros_recebidos numeric(15, 2) default 0,
    input_tarifas_bancarias numeric(15, 2) default 0,
    input_multas_pagas numeric(15, 2) default 0,
    input_impostos_sobre_vendas numeric(15, 2) default 0,
    input_regime_tributario text default 'presumido',
    input_calcular_impostos_auto boolean default true,
    calc_receita_bruta numeric(15, 2) default 0,
    calc_deducoes_receita numeric(15, 2) default 0,
    calc_receita_liquida numeric(15, 2) default 0,
    calc_custo_produtos_vendidos numeric(15, 2) default 0,
    calc_lucro_bruto numeric(15, 2) default 0,
    calc_margem_bruta numeric(5, 2) default 0,
    calc_despesas_operacionais_total numeric(15, 2) default 0,
    calc_resultado_operacional numeric(15, 2) default 0,
    calc_margem_operacional numeric(5, 2) default 0,
    calc_resultado_financeiro numeric(15, 2) default 0,
    calc_resultado_antes_ir numeric(15, 2) default 0,
    calc_impostos_sobre_lucro numeric(15, 2) default 0,
    calc_lucro_liquido numeric(15, 2) default 0,
    calc_margem_liquida numeric(5, 2) default 0,
    calc_ebitda numeric(15, 2) default 0,
    calc_ebitda_margin numeric(5, 2) default 0,
    calc_ponto_equilibrio numeric(15, 2) default 0,
    health_score integer default 0,
    health_status text default 'pending',
    diagnostics jsonb default '[]',
    recommendations jsonb default '[]',
    reforma_impostos_atuais numeric(15, 2) default 0,
    reforma_impostos_novos numeric(15, 2) default 0,
    reforma_impacto_lucro numeric(15, 2) default 0,
    reforma_impacto_percentual numeric(5, 2) default 0,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    constraint company_dre_user_period_unique unique (user_id, period_type, period_year, period_month)
);
create index idx_company_dre_user_id on public.company_dre (user_id);
create trigger update_company_dre_updated_at before update on public.company_dre
    for each row execute function public.update_updated_at_column();

-- What process-dre copies of the newest statement.
alter table public.company_profile
    add column folha_mensal numeric(15, 2),
    add column margem_bruta_percentual numeric(15, 2),
    add column compras_insumos_mensal numeric(15, 2),
    add column prolabore_mensal numeric(15, 2),
    add column dados_financeiros_atualizados_em timestamptz;

-- What the score knows of the person.
create table public.profiles (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null unique,
    empresa text,
    cnae text,
    regime text,
    faturamento_mensal numeric(15, 2)
);
create table public.simulations (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    calculator_slug text not null,
    created_at timestamptz default now()
);

create table public.tax_score (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null unique,
    score_total integer default 0,
    score_grade text default 'E',
    score_status text default 'pending',
    score_conformidade integer default 0,
    score_eficiencia integer default 0,
    score_risco integer default 0,
    score_documentacao integer default 0,
    score_gestao integer default 0,
    resp_situacao_fiscal text,
    resp_certidoes text,
    resp_obrigacoes text,
    resp_controles text,
    auto_regime_tributario text,
    auto_xmls_importados integer default 0,
    auto_xmls_periodo_inicio date,
    auto_xmls_periodo_fim date,
    auto_dre_preenchido boolean default false,
    auto_creditos_identificados numeric(15, 2) default 0,
    auto_comparativo_realizado boolean default false,
    economia_potencial numeric(15, 2) default 0,
    risco_autuacao numeric(15, 2) default 0,
    creditos_nao_aproveitados numeric(15, 2) default 0,
    cards_completos integer default 0,
    cards_total integer default 8,
    calculated_at timestamptz default now(),
    updated_at timestamptz default now(),
    created_at timestamptz default now()
);
create table public.tax_score_history (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    score_total integer not null,
    score_grade text not null,
    score_conformidade integer,
    score_eficiencia integer,
    score_risco integer,
    score_documentacao integer,
    score_gestao integer,
    calculated_at timestamptz default now()
);
create table public.score_actions (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    action_code text not null,
    action_title text not null,
    action_description text,
    points_gain integer default 0,
    economia_estimada numeric(15, 2) default 0,
    priority integer default 3,
    status text default 'pending',
    link_to text,
    created_at timestamptz default now()
);

create table public.tax_opportunities (
    id uuid primary key default gen_random_uuid(),
    code text not null unique,
    name text not null,
    name_simples text not null,
    category text,
    criterios jsonb not null default '{}',
    economia_percentual_min numeric(5, 2),
    economia_percentual_max numeric(5, 2),
    economia_base text,
    complexidade text,
    risco_fiscal text,
    is_active boolean default true,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
insert into public.tax_opportunities
    (code, name, name_simples, category, criterios, economia_percentual_min, economia_percentual_max, economia_base,
     complexidade, risco_fiscal) values
    ('COMERCIO_CREDITOS', 'Créditos no comércio', 'Créditos no comércio', 'creditos', '{"setor": "comercio"}',
     0.5, 1.5, 'faturamento', 'baixa', 'baixo'),
    ('SIMPLES_SEGREGACAO', 'Segregação no Simples', 'Segregar receitas', 'simples', '{"regime_tributario": "simples"}',
     1, 3, 'das', 'media', 'nenhum'),
    ('SP_ICMS', 'Benefícios de ICMS em SP', 'ICMS em SP', 'icms', '{"uf_sede": "SP"}',
     1, 2, 'icms', 'alta', 'medio');
create table public.company_opportunities (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    company_id uuid references public.company_profile (id) on delete cascade,
    opportunity_id uuid not null references public.tax_opportunities (id) on delete cascade,
    match_score integer default 0,
    match_reasons text[] default '{}',
    missing_criteria text[] default '{}',
    economia_mensal_min numeric(15, 2) default 0,
    economia_mensal_max numeric(15, 2) default 0,
    economia_anual_min numeric(15, 2) default 0,
    economia_anual_max numeric(15, 2) default 0,
    prioridade integer default 3,
    quick_win boolean default false,
    alto_impacto boolean default false,
    -- nova, interessado, analisando, implementando, ativa, descartada: a person's word.
    status text default 'nova',
    motivo_descarte text,
    notas_usuario text,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    unique (user_id, opportunity_id)
);
