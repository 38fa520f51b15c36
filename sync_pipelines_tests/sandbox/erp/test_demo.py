"""The demo's accounts: rows of the application, sealed and plain credentials."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.exceptions import InvalidTag

from sync_pipelines.sandbox.erp.demo import ACCOUNTS, accounts_of
from sync_pipelines.sandbox.erp.demo_rows import STATED, add_accounts, add_credentials, last_month
from sync_pipelines.sandbox.erp.part import PART
from sync_pipelines.sandbox.erp.sealing import opened, sealed

SECRET = "um segredo de teste com 32 caracteres ou mais"


def _stored(connection: psycopg.Connection[Any]) -> list[Any]:
    query = "select credentials from erp_connections order by id"
    return [credentials for (credentials,) in connection.execute(query)]


def test_credentials_are_sealed_or_plain_and_given_once(new_erp: str) -> None:
    with psycopg.connect(new_erp) as connection:
        add_accounts(connection)
        assert _stored(connection) == [{}] * len(ACCOUNTS)
        add_credentials(connection, SECRET)
        first = _stored(connection)
        add_credentials(connection, SECRET)
        assert _stored(connection) == first
    assert [isinstance(one, str) for one in first] == [account.is_sealed for account in ACCOUNTS]
    read = [opened(one, SECRET) if isinstance(one, str) else one for one in first]
    assert read == [dict(account.credentials) for account in ACCOUNTS]


def test_a_connection_of_a_user_with_two_companies_names_its_own(new_erp: str) -> None:
    with psycopg.connect(new_erp) as connection:
        add_accounts(connection)
        rows = connection.execute(
            "select connection_name, cnpj_principal, erp_type::text, connections.status::text, next_sync_at"
            " from erp_connections as connections left join company_profile on company_profile.id = company_id"
            " order by connection_name"
        ).fetchall()
    assert [(name, cnpj and len(cnpj), *rest) for name, cnpj, *rest in rows] == [
        ("Ateliê Horizonte", 18, "contaazul", "active", None),
        ("Distribuidora Estrela", 18, "omie", "error", None),
        ("Empório Horizonte", 18, "tiny", "active", None),
        ("Indústria Horizonte", 18, "sankhya", "active", None),
        ("Loja Aurora", None, "omie", "active", None),
        ("Padaria Estrela", 18, "bling", "active", None),
        ("Rede Horizonte", 18, "totvs", "active", None),
    ]


def test_a_user_has_answered_and_a_month_is_typed_in(new_erp: str) -> None:
    with psycopg.connect(new_erp) as connection:
        add_accounts(connection)
        [[users, answers, profiles, comparisons]] = connection.execute(
            "select count(distinct user_id), (select count(*) from tax_score where resp_certidoes is not null),"
            " (select count(*) from profiles), (select count(*) from simulations) from erp_connections"
        )
        assert users == answers == profiles == comparisons == 3
        stated = connection.execute(
            "select make_date(period_year, period_month, 1), nome_fantasia, input_viagens_refeicoes"
            " from company_dre join company_profile on company_profile.id = company_id"
        ).fetchall()
    assert stated == [(last_month(), "Padaria Estrela", STATED["Padaria Estrela"]["viagens_refeicoes"])]


def test_another_secret_opens_nothing() -> None:
    with pytest.raises(InvalidTag):
        opened(sealed({"token": "t"}, SECRET), SECRET[::-1])


def test_the_companies_differ_and_are_those_of_their_vendor() -> None:
    assert [len(accounts_of(erp_type)) for erp_type in ("omie", "bling", "contaazul", "tiny")] == [2, 1, 1, 1]
    companies = {account.name: account.company(8, date(2026, 11, 22)) for account in ACCOUNTS}
    assert len({company.profile.cnpj for company in companies.values()}) == len(ACCOUNTS)
    assert [name for name, one in companies.items() if one.profile.is_simples] == [
        "Padaria Estrela",
        "Empório Horizonte",
    ]
    assert [name for name, one in companies.items() if not one.profile.cnpj.isdigit()] == ["Loja Aurora"]
    assert [name for name, one in companies.items() if not one.titles] == [
        "Indústria Horizonte",
        "Rede Horizonte",
    ]


def test_a_real_project_gets_no_invoice_of_a_fake(tmp_path: Path) -> None:
    real = {"ERP_DATABASE_URL": "postgresql://someone:uma-senha-longa@db.example.com/erp"}
    assert all(upstream.is_replaced(real) for upstream in PART.upstreams)
    assert PART.variables(tmp_path, real) == {}
    assert len(PART.variables(tmp_path, {})["ERP_CREDENTIALS_KEY"]) >= 32
