"""What the application's users left in its database before the first sync of the demo."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from sync_pipelines.sandbox.erp.company import BRASILIA
from sync_pipelines.sandbox.erp.database import add_company, add_connection
from sync_pipelines.sandbox.erp.demo import ACCOUNTS, DemoAccount
from sync_pipelines.sandbox.erp.sealing import sealed

#: What a person typed into last month's income statement, by the name of the connection; without `input_`.
STATED: Final[Mapping[str, Mapping[str, Decimal]]] = {
    "Padaria Estrela": {"viagens_refeicoes": Decimal("320.10"), "multas_pagas": Decimal("45.90")}
}
#: What a user answered of the company's taxes.
_ANSWERS: Final = {
    "resp_situacao_fiscal": "regular",
    "resp_certidoes": "em_dia",
    "resp_obrigacoes": "em_dia",
    "resp_controles": "parcial",
}


def last_month(today: date | None = None) -> date:
    """The first day of the month before a day's, today's unless given."""
    day = (today or datetime.now(BRASILIA).date()).replace(day=1) - timedelta(days=1)
    return day.replace(day=1)


def add_accounts(connection: psycopg.Connection[Any]) -> None:
    """The rows that the application's users made, without credentials, which need the key that seals them.

    The application knows the companies in part: what it has is kept, what it lacks is for the sync to fill.
    """
    for account in ACCOUNTS:
        profile = account.company(a_month=1).profile
        cnpj = profile.cnpj
        formatted = f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"
        company_id = add_company(
            connection, account.user_id, formatted, nome_fantasia=account.name, setor="comercio", uf_sede=None
        )
        add_connection(
            connection,
            account.user_id,
            account.erp_type,
            credentials={},
            id=account.connection_id,
            connection_name=account.name,
            company_id=company_id if account.names_company else None,
            status=account.status,
            status_message=account.status_message,
        )
        if account.status == "error":
            _leave_log(connection, account)
        if account.name in STATED:
            _state_month(connection, account.user_id, company_id, lines=STATED[account.name])
    for user_id in dict.fromkeys(account.user_id for account in ACCOUNTS):
        _answer(connection, user_id)


def _state_month(
    connection: psycopg.Connection[Any], user_id: UUID, company_id: UUID, *, lines: Mapping[str, Decimal]
) -> None:
    columns = ", ".join(f"input_{line}" for line in lines)
    month = last_month()
    values = [user_id, company_id, month.year, month.month, *lines.values()]
    connection.execute(
        f"insert into public.company_dre (user_id, company_id, period_year, period_month, {columns})"
        f" values ({', '.join(['%s'] * len(values))})".encode(),
        values,
    )


def _answer(connection: psycopg.Connection[Any], user_id: UUID) -> None:
    """The user's own words, of which the tax score is made beside what the sync brings."""
    connection.execute(
        "insert into public.profiles (user_id, empresa, regime, faturamento_mensal)"
        " values (%s, 'Empresa da demonstração', 'presumido', 90000)",
        [user_id],
    )
    connection.execute(
        "insert into public.simulations (user_id, calculator_slug) values (%s, 'comparativo-regimes')",
        [user_id],
    )
    columns, values = ", ".join(_ANSWERS), ", ".join(["%s"] * len(_ANSWERS))
    connection.execute(
        f"insert into public.tax_score (user_id, {columns}) values (%s, {values})".encode(),
        [user_id, *_ANSWERS.values()],
    )


def _leave_log(connection: psycopg.Connection[Any], account: DemoAccount) -> None:
    """The row of the application's last try: its end was never written, because `failed` is no status."""
    connection.execute(
        "insert into public.erp_sync_logs (connection_id, user_id, sync_type, status, started_at)"
        " values (%s, %s, 'full', 'running', now() - interval '3 days')",
        [account.connection_id, account.user_id],
    )


def add_credentials(connection: psycopg.Connection[Any], secret: str) -> None:
    """Give the connections that have none their credentials; those that were renewed since stay."""
    for account in ACCOUNTS:
        stored = sealed(account.credentials, secret) if account.is_sealed else dict(account.credentials)
        connection.execute(
            "update public.erp_connections set credentials = %s where id = %s and credentials = '{}'::jsonb",
            [Jsonb(stored), account.connection_id],
        )
