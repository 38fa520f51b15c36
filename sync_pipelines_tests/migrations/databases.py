"""Databases as somebody may have left them (contract of HITSS, section 5), and how tests talk to one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from sync_pipelines.migrations import inspection
from sync_pipelines.migrations.history import History

FABRICIO, HITSS, AIMINDSET = History("fabricio"), History("hitss"), History("aimindset")
SEED_31 = """
create table public.dre_hitss (
    id bigserial primary key, execution_id text not null, conta text, descricao text, valor decimal(15,2),
    tipo text, periodo text, empresa text, created_at timestamptz default now()
);
create index idx_dre_hitss_execution_id on dre_hitss(execution_id);
create index idx_dre_hitss_empresa on dre_hitss(empresa);
create index idx_dre_hitss_periodo on dre_hitss(periodo);
create index idx_dre_hitss_created_at on dre_hitss(created_at);
grant select, insert, update, delete on dre_hitss to authenticated;
grant select, insert, update, delete on dre_hitss to service_role;
create table public.automation_executions (
    id uuid primary key default gen_random_uuid(),
    status varchar(20) not null check (status in ('running', 'completed', 'failed')),
    started_at timestamptz not null, completed_at timestamptz, records_processed integer default 0,
    records_failed integer default 0, error_message text, execution_details jsonb
);
"""
SEED_61 = """
create table public.dre_hitss (
    id bigserial primary key, execution_id text not null, conta text, descricao text, valor decimal(15,2),
    tipo text, periodo text, empresa text, sync_source varchar(50) default 'local', last_sync_at timestamptz,
    sync_hash varchar(64), created_at timestamptz default now(), updated_at timestamptz default now()
);
create table public.automation_executions (
    id uuid primary key default gen_random_uuid(),
    status varchar(20) not null check (status in ('running', 'completed', 'failed')),
    started_at timestamptz not null, completed_at timestamptz, records_processed integer default 0,
    records_failed integer default 0, error_message text, execution_details jsonb,
    created_at timestamptz default now()
);
create index idx_dre_hitss_created_at on dre_hitss(created_at desc);
create index idx_dre_hitss_sync_source on dre_hitss(sync_source);
grant select, insert, update, delete on dre_hitss, automation_executions to authenticated, service_role;
grant select on dre_hitss to anon;
create or replace function update_updated_at_column() returns trigger as $$
begin
    new.updated_at = now();
    return new;
end;
$$ language 'plpgsql';
create trigger update_dre_hitss_updated_at before update on dre_hitss
    for each row execute function update_updated_at_column();
insert into dre_hitss (execution_id, conta, valor, periodo) values ('exec_1', 'CLT', -10.5, '6/2019'),
    ('exec_1', 'CLT', -10.5, '6/2019');
insert into automation_executions (status, started_at) values ('running', now() - interval '3 days'),
    ('completed', now());
"""
SHAPE_B = """
create table public.dre_hitss (
    id serial primary key, upload_batch_id uuid not null default gen_random_uuid(), file_name text not null,
    tipo varchar(20) check (tipo in ('receita', 'despesa')),
    natureza varchar(20) check (natureza in ('RECEITA', 'CUSTO')), descricao text, valor numeric(15,2),
    lancamento text, data text, categoria text, periodo varchar(10), projeto text, denominacao_conta text,
    conta_resumo text, linha_negocio text, relatorio text, raw_data jsonb, created_at timestamptz default now()
);
create index idx_dre_hitss_periodo on dre_hitss (periodo);
insert into dre_hitss (file_name, tipo, natureza, valor, periodo)
values ('dre.xlsx', 'receita', 'RECEITA', 10.5, '6/2019'), ('dre.xlsx', 'despesa', 'CUSTO', -3, '10/2019');
"""
SHAPE_C = """
create table public.dre_hitss (
    id uuid primary key default gen_random_uuid(), projeto varchar(255) not null, ano integer not null,
    mes integer not null check (mes between 1 and 12), conta varchar(100) not null,
    natureza text not null check (natureza in ('RECEITA', 'DESPESA')),
    tipo text not null check (tipo in ('OPERACIONAL', 'NAO_OPERACIONAL')), valor numeric(15,2) not null,
    ativo boolean default true, metadata jsonb, created_at timestamptz default now(),
    updated_at timestamptz default now(), receita_devengada numeric(15,2), custo_clt numeric(15,2),
    custo_subcontratados numeric(15,2), custo_outros numeric(15,2), desoneracao numeric(15,2)
);
create index idx_dre_hitss_ano_mes on dre_hitss (ano, mes);
insert into dre_hitss (projeto, ano, mes, conta, natureza, tipo, valor)
values ('Alfa', 2025, 9, 'Receita', 'RECEITA', 'OPERACIONAL', 10.5),
    ('Alfa', 2025, 9, 'CLT', 'DESPESA', 'OPERACIONAL', 3);
"""
SHAPE_D = f"""{SHAPE_C}
alter table public.dre_hitss add relatorio varchar(255), add cliente varchar(255) not null default '',
    add linha_negocio varchar(255), add responsavel_area varchar(255), add responsavel_delivery varchar(255),
    add responsavel_devengado varchar(255), add id_homs varchar(255), add codigo_projeto varchar(100),
    add filial_faturamento varchar(255), add imposto numeric(15,4), add conta_resumo varchar(255),
    add denominacao_conta varchar(255), add id_recurso varchar(255), add recurso varchar(255),
    add lancamento numeric, add periodo varchar(20), add execution_id uuid, add upload_batch_id uuid,
    add file_name text, add file_hash varchar(64), add row_hash varchar(64) unique;
"""
LOGS_003 = f"""{SEED_31}
create table public.system_logs (
    id uuid primary key default gen_random_uuid(),
    level varchar(10) not null check (level in ('DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL')),
    message text not null, metadata jsonb, source varchar(100),
    execution_id uuid references public.automation_executions (id) on delete cascade,
    created_at timestamptz default now()
);
"""


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def run(url: str, *statements: str) -> None:
    with connected(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with connected(url) as connection:
        return connection.execute(query.encode()).fetchall()


def wrong(history: History, url: str) -> list[str]:
    return [finding.sentence for finding in inspection.verify(history, url) if not finding.ok]
